import { ADMINISTER_LUA } from "./administer-lua.ts";
import { LOCKOUT_LUA } from "./lockout-lua.ts";
import { OVERRIDE_LUA } from "./override-lua.ts";
import { RECORD_LUA } from "./record-lua.ts";
import { RULES_LUA } from "./rules-lua.ts";

/**
 * The twin of `limit/take.ts` and `limit/settle.ts` in Lua, for the one store that cannot run our functions. Random
 * histories hold it to the core. What would be comments in Lua stands in front of each piece: a Worker's script is small.
 *
 * - `charge_at`: the fields of a charge, which begin at `ARGV[i]`.
 * - `view_of`: what a record says of a charge: the quota's state, the key's instant, how long it is still locked out, an
 *   override, and the quota in force.
 * - `wait_for`: by the limits that are in force until then. `own_cost` is what has to fit where the override ends first.
 * - `stands`: how the quota stands: remaining, more room, reset, now.
 */
const COMMON = `
local function charge_at(i)
  return {
    key = tonumber(ARGV[i]), count = ARGV[i + 1], algorithm = ARGV[i + 2], limit = tonumber(ARGV[i + 3]),
    window = tonumber(ARGV[i + 4]), burst = tonumber(ARGV[i + 5]), cost = tonumber(ARGV[i + 6]), lockout = ARGV[i + 7],
  }
end
local function view_of(record, q)
  local now = math.max(clock, record.at)
  local state = rules[q.algorithm].read(stored(record, q.count, now) or {})
  local over = override_of(record, q, now)
  return { state = state, now = now, locked = locked_for(record, q, now), over = over, quota = over and over.quota or q }
end
local function wait_for(cost, view, q, own_cost)
  local r, over, own = rules[q.algorithm], view.over, own_cost or cost
  if not over then return math.max(view.locked, r.wait(view.state, q, cost, view.now)) end
  local left, meanwhile = over.until_ - view.now, math.huge
  if over.limit > 0 then meanwhile = math.max(view.locked, r.wait(view.state, over.quota, cost, view.now)) end
  if meanwhile < left then return meanwhile end
  return math.max(view.locked, left, r.wait(view.state, q, own, view.now))
end
local function stands(view, q)
  local burst, remaining, more = view.quota.burst, 0, 0
  local shut = view.locked > 0 or (view.over and view.over.limit == 0)
  if not shut then remaining = rules[q.algorithm].remaining(view.state, view.quota, view.now) end
  if remaining < burst then
    more = wait_for(remaining + 1, view, q, math.min(remaining + 1, q.burst)) + view.now - clock
  end
  return { remaining, more, wait_for(burst, view, q, q.burst), view.now }
end

local function load()
  local records = {}
  local values = redis.call('MGET', unpack(KEYS))
  for i = 1, #KEYS do records[i] = read(values[i]) end
  return records
end
local function save(records)
  for i, record in ipairs(records) do
    if record.changed then
      local value, until_ = write(record)
      redis.call('SET', KEYS[i], value, 'PX', text(math.max(1, until_ - clock) + SPARE_MS))
    end
  end
end
`;

/**
 * All or nothing over all charges. ARGV: fourteen fields for each charge, `KEYS` index, count, algorithm, limit, window,
 * burst, cost, lockout (`-` = none), shadow (0 or 1), refusals, within, duration, units wanted ahead (-1 = none, only with a
 * sliding window), hold. Returns admitted (0 or 1), how many values were corrupt, then for each charge: allowed, wait (-1 =
 * never), locked out (0 or 1), remaining, more room, reset, now, permits (-1 = none wanted), an override's limit (-1 = none),
 * epoch.
 */
const TAKE = `
local function permits_for(q, view)
  if q.units < 0 then return 0 end
  return math.min(q.units, math.floor((rules[q.algorithm].remaining(view.state, view.quota, view.now) - q.cost) / 2))
end
local before, after = load(), {}
for i, record in ipairs(before) do after[i] = copy(record) end
local admitted, decisions = 1, {}
for i = 1, #ARGV - #ARGV % 14, 14 do
  local q = charge_at(i)
  q.refusals, q.within, q.duration = tonumber(ARGV[i + 9]), tonumber(ARGV[i + 10]), tonumber(ARGV[i + 11])
  q.units, q.hold = tonumber(ARGV[i + 12]), tonumber(ARGV[i + 13])
  local record = after[q.key]
  local view = view_of(record, q)
  local wait, permits = wait_for(q.cost, view, q), 0
  if wait == 0 then
    permits = permits_for(q, view)
    view.state = rules[q.algorithm].add(view.state, view.quota, q.cost + permits, view.now, q.hold)
    keep(record, q, view.state, view.over, view.now)
  elseif ARGV[i + 8] == '0' then
    admitted = 0
  end
  decisions[#decisions + 1] = { charge = q, wait = wait, permits = permits, view = view, epoch = record.epoch }
end
local kept, counted = admitted == 1 and after or before, {}
for _, d in ipairs(decisions) do
  local q = d.charge
  local id = q.key .. ' ' .. q.lockout
  if q.lockout ~= '-' and d.wait > 0 and d.view.locked == 0 and not counted[id] then
    counted[id] = true
    add_refusal(kept[q.key], q, d.view.now)
  end
end
local reply = { admitted, corrupt }
for _, d in ipairs(decisions) do
  local q = d.charge
  if q.lockout ~= '-' or (admitted == 0 and d.wait == 0) then
    local view = view_of(kept[q.key], q)
    if d.wait == 0 or view.locked > 0 then d.view = view end
    if d.wait > 0 then d.wait = wait_for(q.cost, d.view, q) end
  end
  reply[#reply + 1] = d.wait == 0 and 1 or 0
  reply[#reply + 1] = d.wait == math.huge and -1 or d.wait > 0 and d.wait + d.view.now - clock or 0
  reply[#reply + 1] = d.wait > 0 and d.view.locked > 0 and 1 or 0
  for _, n in ipairs(stands(d.view, q)) do reply[#reply + 1] = n end
  reply[#reply + 1] = q.units < 0 and -1 or d.permits
  reply[#reply + 1] = d.view.over and d.view.over.limit or -1
  reply[#reply + 1] = d.epoch
end
save(kept)
return reply
`;

/**
 * Applies true costs. ARGV: twelve fields for each receipt, those of a charge up to its lockout, then epoch, time of the
 * admission, true cost, limit of the override that it was admitted by (-1 = none). Returns how many values were corrupt, then
 * for each receipt: remaining (-1 = it was void), more room, reset, now.
 */
const SETTLE = `
local records = load()
for i = 1, #ARGV - #ARGV % 12, 12 do
  local q = charge_at(i)
  local epoch, time, cost, limit = tonumber(ARGV[i + 8]), tonumber(ARGV[i + 9]), tonumber(ARGV[i + 10]), tonumber(ARGV[i + 11])
  local record, r = records[q.key], rules[q.algorithm]
  local view = view_of(record, q)
  local over, now = view.over, view.now
  if epoch <= record.epoch and not is_void(record, q, epoch, now) then
    local refundable = q.algorithm ~= 't' or limit == (over and over.limit or -1)
    if cost > q.cost then
      keep(record, q, r.add(view.state, view.quota, cost - q.cost, now), over, now)
    elseif cost < q.cost and refundable and stored(record, q.count, now) then
      local refunded = r.refund(view.state, view.quota, q.cost - cost, time, now)
      if refunded ~= view.state then keep(record, q, refunded, over, now) end
    end
  end
end
save(records)
local reply = { corrupt }
for i = 1, #ARGV - #ARGV % 12, 12 do
  local q = charge_at(i)
  local view = view_of(records[q.key], q)
  local void = is_void(records[q.key], q, tonumber(ARGV[i + 8]), view.now)
  for _, n in ipairs(void and { -1, 0, 0, 0 } or stands(view, q)) do reply[#reply + 1] = n end
end
return reply
`;

/** Where the time comes from: the server, or in tests the last argument. */
export type LuaClock = "server" | "argument";

/** An argument's time stands still while the server's goes on, so keys get spare time to live. */
const CLOCKS: { readonly [C in LuaClock]: string } = {
  server: `local t = redis.call('TIME')
local clock = t[1] * 1000 + math.floor(t[2] / 1000)
local SPARE_MS = 0`,
  argument: `local clock = tonumber(ARGV[#ARGV])
local SPARE_MS = 3600000`,
};

/** The scripts. Upstash locks the whole database for a script that does not say that it declares all its keys. */
export function luaScripts(
  keyLocking: boolean,
  clock: LuaClock = "server",
): { take: string; settle: string; administer: string } {
  const head = `${keyLocking ? "#!lua flags=allow-key-locking\n" : ""}${CLOCKS[clock]}\n${RECORD_LUA}${RULES_LUA}${OVERRIDE_LUA}${LOCKOUT_LUA}${COMMON}`;
  return { take: head + TAKE, settle: head + SETTLE, administer: head + ADMINISTER_LUA };
}
