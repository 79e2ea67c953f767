import { RECORD_LUA } from "./record-lua.ts";
import { RULES_LUA } from "./rules-lua.ts";

/**
 * The twin of `limit/take.ts` and `limit/settle.ts` in Lua, for the one store that cannot run our functions. Random
 * histories hold it to the core.
 */
const COMMON = `
-- Nothing from the instant on at which the count means nothing, whether or not it was dropped.
local function stored(record, q, now)
  local count = record.counts[q.count]
  return count and count.until_ > now and count.state or nil
end
local function state_of(record, q, now) return rules[q.algorithm].read(stored(record, q, now) or {}) end
local function keep(record, q, state, now)
  record.counts[q.count] = { state = state, until_ = rules[q.algorithm].empty_at(state, q) }
  record.at = math.max(record.at, now)
  record.changed = true
end
-- The fields of a charge, which begin at ARGV[i].
local function charge_at(i)
  return {
    key = tonumber(ARGV[i]), count = ARGV[i + 1], algorithm = ARGV[i + 2], limit = tonumber(ARGV[i + 3]),
    window = tonumber(ARGV[i + 4]), burst = tonumber(ARGV[i + 5]), cost = tonumber(ARGV[i + 6]),
  }
end
-- How the quota stands: remaining, more room, reset, now.
local function stands(record, q, clock)
  local now = math.max(clock, record.at)
  local state, r = state_of(record, q, now), rules[q.algorithm]
  local remaining = r.remaining(state, q, now)
  local more = remaining < q.burst and r.wait(state, q, remaining + 1, now) + now - clock or 0
  return { remaining, more, r.wait(state, q, q.burst, now), now }
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
      redis.call('SET', KEYS[i], value, 'PX', text(math.max(1, until_ - record.at) + SPARE_MS))
    end
  end
end
local function copy(record)
  local counts = {}
  for id, count in pairs(record.counts) do counts[id] = count end
  return { epoch = record.epoch, at = record.at, counts = counts, changed = record.changed }
end
`;

/**
 * All or nothing over all charges. ARGV: eight fields for each charge, `KEYS` index, count, algorithm, limit, window,
 * burst, cost, shadow (0 or 1). Returns admitted (0 or 1), how many values were corrupt, then for each charge:
 * allowed, wait (-1 = never), remaining, more room, reset, now, epoch.
 */
const TAKE = `
local before, after = load(), {}
for i, record in ipairs(before) do after[i] = copy(record) end
local admitted, decisions = 1, {}
for i = 1, #ARGV - #ARGV % 8, 8 do
  local q = charge_at(i)
  local record, r = after[q.key], rules[q.algorithm]
  local now = math.max(clock, record.at)
  local state = state_of(record, q, now)
  local wait = r.wait(state, q, q.cost, now)
  if wait == 0 then keep(record, q, r.add(state, q, q.cost, now), now) end
  if wait > 0 and ARGV[i + 7] == '0' then admitted = 0 end
  if wait > 0 then wait = wait + now - clock end
  decisions[#decisions + 1] = { charge = q, wait = wait, stands = stands(record, q, clock), epoch = record.epoch }
end
local reply = { admitted, corrupt }
for _, d in ipairs(decisions) do
  local s = d.stands
  if admitted == 0 and d.wait == 0 then s = stands(before[d.charge.key], d.charge, clock) end
  reply[#reply + 1] = d.wait == 0 and 1 or 0
  reply[#reply + 1] = d.wait == math.huge and -1 or d.wait
  for i = 1, 4 do reply[#reply + 1] = s[i] end
  reply[#reply + 1] = d.epoch
end
if admitted == 1 then save(after) end
return reply
`;

/**
 * Applies true costs. ARGV: ten fields for each receipt, those of a charge without shadow, then epoch, time of the
 * admission, true cost. Returns how many values were corrupt, then for each receipt: remaining, more room, reset, now.
 */
const SETTLE = `
local records = load()
for i = 1, #ARGV - #ARGV % 10, 10 do
  local q = charge_at(i)
  local epoch, time, cost = tonumber(ARGV[i + 7]), tonumber(ARGV[i + 8]), tonumber(ARGV[i + 9])
  local record, r = records[q.key], rules[q.algorithm]
  local now = math.max(clock, record.at)
  if record.epoch == epoch and cost > q.cost then
    keep(record, q, r.add(state_of(record, q, now), q, cost - q.cost, now), now)
  elseif record.epoch == epoch and cost < q.cost and stored(record, q, now) then
    local state = state_of(record, q, now)
    local refunded = r.refund(state, q, q.cost - cost, time, now)
    if refunded ~= state then keep(record, q, refunded, now) end
  end
end
save(records)
local reply = { corrupt }
for i = 1, #ARGV - #ARGV % 10, 10 do
  local q = charge_at(i)
  for _, n in ipairs(stands(records[q.key], q, clock)) do reply[#reply + 1] = n end
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
): { take: string; settle: string } {
  const head = `${keyLocking ? "#!lua flags=allow-key-locking\n" : ""}${CLOCKS[clock]}\n${RECORD_LUA}${RULES_LUA}${COMMON}`;
  return { take: head + TAKE, settle: head + SETTLE };
}
