/**
 * The twin of `limit/` in Lua, for the one store that cannot run our functions. Shared vectors hold it to
 * the core. Every number is a whole one below 2^53 and written with `%.0f`: Lua's own conversion keeps 14 digits.
 *
 * A key's value: `1 <epoch> <atMs>`, then a line `<count> <untilMs> <number> ...` for each count, where the
 * numbers are the state: sliding-window `time cost ...`, token-bucket `at debt`, fixed-window `start used`.
 */
const COMMON = `
local MOST = 9007199254740991
local MAX_ENTRIES = 128

local function whole(text)
  local n = tonumber(text)
  if n and n >= 0 and n <= MOST and n == math.floor(n) then return n end
end
local function text(n) return string.format('%.0f', n) end
local function saturated(n) return math.min(n, MOST) end

local corrupt = 0

-- A stored value as a record, or nil when it cannot be read.
local function parse(value)
  local record = { counts = {} }
  for line in string.gmatch(value, '[^\\n]+') do
    local words = {}
    for word in string.gmatch(line, '%S+') do words[#words + 1] = word end
    if not record.epoch then
      record.epoch, record.at = whole(words[2]), whole(words[3])
      if words[1] ~= '1' or #words ~= 3 or not record.epoch or not record.at then return nil end
    else
      local count = { until_ = whole(words[2]), state = {} }
      if not count.until_ then return nil end
      for i = 3, #words do
        count.state[i - 2] = whole(words[i])
        if not count.state[i - 2] then return nil end
      end
      record.counts[words[1]] = count
    end
  end
  if record.epoch then return record end
end

local function read(value)
  if not value then return { epoch = 0, at = 0, counts = {} } end
  local record = parse(value)
  if record then return record end
  corrupt = corrupt + 1
  return { epoch = 0, at = 0, counts = {} }
end

local function write(record)
  local lines = { '1 ' .. text(record.epoch) .. ' ' .. text(record.at) }
  local until_ = 0
  for id, count in pairs(record.counts) do
    if count.until_ > record.at then
      local words = { id, text(count.until_) }
      for _, n in ipairs(count.state) do words[#words + 1] = text(n) end
      lines[#lines + 1] = table.concat(words, ' ')
      until_ = math.max(until_, count.until_)
    end
  end
  return table.concat(lines, '\\n'), until_
end

local sliding, bucket, fixed = {}, {}, {}
local rules = { s = sliding, t = bucket, f = fixed }

function sliding.read(s)
  if #s % 2 == 1 then return {} end
  for i = 3, #s, 2 do if s[i] <= s[i - 2] then return {} end end
  return s
end
local function slice_end(q, t)
  if q.limit <= MAX_ENTRIES then return t end
  local slice = math.ceil(q.window / (MAX_ENTRIES - 1))
  return math.ceil(t / slice) * slice
end
local function standing(s, q, now)
  local sum = 0
  for i = 1, #s, 2 do if s[i] + q.window > now then sum = sum + s[i + 1] end end
  return sum
end
local function live(s, q, now)
  local kept = {}
  for i = 1, #s, 2 do
    if s[i] + q.window > now then kept[#kept + 1] = s[i]; kept[#kept + 1] = s[i + 1] end
  end
  return kept
end
function sliding.remaining(s, q, now) return math.max(0, q.limit - standing(s, q, now)) end
function sliding.wait(s, q, cost, now)
  if cost > q.limit then return math.huge end
  local excess = standing(s, q, now) + cost - q.limit
  if excess <= 0 then return 0 end
  for i = 1, #s, 2 do
    if s[i] + q.window > now then
      excess = excess - s[i + 1]
      if excess <= 0 then return s[i] + q.window - now end
    end
  end
  return 0
end
function sliding.add(s, q, cost, now)
  local kept, time = live(s, q, now), slice_end(q, now)
  local n = #kept
  if n > 0 and kept[n - 1] >= time then
    kept[n] = saturated(kept[n] + cost)
  else
    kept[n + 1] = time; kept[n + 2] = saturated(cost)
  end
  while #kept > 2 * MAX_ENTRIES do
    kept[4] = saturated(kept[2] + kept[4])
    table.remove(kept, 1); table.remove(kept, 1)
  end
  return kept
end
function sliding.refund(s, q, cost, admitted, now)
  local written = slice_end(q, admitted)
  if written + q.window <= now then return s end
  local kept = live(s, q, now)
  for i = 1, #kept, 2 do
    if kept[i] >= written then
      if kept[i + 1] > cost then
        kept[i + 1] = kept[i + 1] - cost
      else
        table.remove(kept, i); table.remove(kept, i)
      end
      break
    end
  end
  return kept
end
function sliding.empty_at(s, q) return #s == 0 and 0 or s[#s - 1] + q.window end

local function repaid(q, owed, elapsed)
  if elapsed >= math.ceil(owed / q.limit) then return owed end
  return elapsed * q.limit
end
local function debt(s, q, now) return s[2] - repaid(q, s[2], now - s[1]) end
function bucket.read(s) return #s == 2 and s or { 0, 0 } end
function bucket.remaining(s, q, now)
  return math.max(0, math.floor((q.burst * q.window - debt(s, q, now)) / q.window))
end
function bucket.wait(s, q, cost, now)
  if cost > q.burst then return math.huge end
  local excess = debt(s, q, now) + cost * q.window - q.burst * q.window
  return math.max(0, math.ceil(excess / q.limit))
end
function bucket.add(s, q, cost, now) return { now, saturated(debt(s, q, now) + cost * q.window) } end
function bucket.refund(s, q, cost, admitted, now)
  local owed = cost * q.window
  return { now, math.max(0, debt(s, q, now) - (owed - repaid(q, owed, now - admitted))) }
end
function bucket.empty_at(s, q) return saturated(s[1] + math.ceil(s[2] / q.limit)) end

local function start(q, t) return t - t % q.window end
local function used(s, q, now) return s[1] == start(q, now) and s[2] or 0 end
function fixed.read(s) return #s == 2 and s or { 0, 0 } end
function fixed.remaining(s, q, now) return math.max(0, q.limit - used(s, q, now)) end
function fixed.wait(s, q, cost, now)
  if cost > q.limit then return math.huge end
  if used(s, q, now) + cost <= q.limit then return 0 end
  return start(q, now) + q.window - now
end
function fixed.add(s, q, cost, now) return { start(q, now), saturated(used(s, q, now) + cost) } end
function fixed.refund(s, q, cost, admitted, now)
  if start(q, admitted) ~= start(q, now) then return s end
  return { s[1], math.max(0, used(s, q, now) - cost) }
end
function fixed.empty_at(s, q) return s[2] == 0 and 0 or s[1] + q.window end

local function state_of(record, q)
  local count = record.counts[q.count]
  return rules[q.algorithm].read(count and count.state or {})
end
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
  local state, r = state_of(record, q), rules[q.algorithm]
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
  local state = state_of(record, q)
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
    keep(record, q, r.add(state_of(record, q), q, cost - q.cost, now), now)
  elseif record.epoch == epoch and cost < q.cost and record.counts[q.count] then
    keep(record, q, r.refund(state_of(record, q), q, q.cost - cost, time, now), now)
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
  const head = `${keyLocking ? "#!lua flags=allow-key-locking\n" : ""}${CLOCKS[clock]}\n${COMMON}`;
  return { take: head + TAKE, settle: head + SETTLE };
}
