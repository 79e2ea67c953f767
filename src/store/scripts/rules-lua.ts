import { MAX_HOLD_SHARE } from "../../limit/sliding-window.ts";

/**
 * The twin of the algorithms in `limit/`, in Lua: the same functions by the same names (`rules.ts`). A state is a list of
 * numbers. Where JavaScript says Infinity, this says `math.huge`.
 */
export const RULES_LUA = `
local sliding, bucket, fixed = {}, {}, {}
local rules = { s = sliding, t = bucket, f = fixed }

function sliding.read(s)
  if #s % 2 == 1 or (#s > 0 and s[#s - 1] > MAX_TIME) then return {} end
  for i = 3, #s, 2 do if s[i] <= s[i - 2] then return {} end end
  return s
end
local function slice_end(q, now, hold)
  if q.limit <= MAX_ENTRIES then return now + hold end
  local stands = q.window
  if hold > 0 then stands = q.window * (1 + ${MAX_HOLD_SHARE}) end
  local slice = math.ceil(stands / (MAX_ENTRIES - 1))
  return math.ceil((now + hold) / slice) * slice
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
  local wait = 0
  for i = 1, #s, 2 do
    if excess <= 0 then break end
    if s[i] + q.window > now then
      wait = s[i] + q.window - now
      excess = excess - s[i + 1]
    end
  end
  return wait
end
function sliding.add(s, q, cost, now, hold)
  local kept, time = live(s, q, now), slice_end(q, now, hold or 0)
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
  if admitted + q.window <= now then return s end
  local kept, i, left = live(s, q, now), 1, cost
  while i <= #kept and kept[i] < admitted do i = i + 2 end
  if i > #kept then return s end
  while left > 0 and i <= #kept do
    local refunded = math.min(left, kept[i + 1])
    left = left - refunded
    if refunded < kept[i + 1] then
      kept[i + 1] = kept[i + 1] - refunded
    else
      table.remove(kept, i); table.remove(kept, i)
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
function bucket.read(s) return #s == 2 and s[1] <= MAX_TIME and s or { 0, 0 } end
function bucket.remaining(s, q, now)
  return math.max(0, math.floor((q.burst * q.window - debt(s, q, now)) / q.window))
end
function bucket.wait(s, q, cost, now)
  if cost > q.burst then return math.huge end
  local excess = debt(s, q, now) + cost * q.window - q.burst * q.window
  return math.max(0, math.ceil(excess / q.limit))
end
function bucket.add(s, q, cost, now, hold)
  return { now, saturated(debt(s, q, now) + cost * q.window + (hold or 0) * q.limit) }
end
function bucket.refund(s, q, cost, admitted, now)
  local owed = cost * q.window
  return { now, math.max(0, debt(s, q, now) - (owed - repaid(q, owed, now - admitted))) }
end
function bucket.empty_at(s, q) return saturated(s[1] + math.ceil(s[2] / q.limit)) end

local function start(q, t) return t - t % q.window end
local function used(s, q, now) return s[1] == start(q, now) and s[2] or 0 end
function fixed.read(s) return #s == 2 and s[1] <= MAX_TIME and s or { 0, 0 } end
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
`;
