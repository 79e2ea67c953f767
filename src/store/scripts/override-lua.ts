import { MAX_HOLD_MS } from "../../limit/generation.ts";
import { MAX_CAPACITY_MS } from "../../limit/quota.ts";

/**
 * The twin of `limit/override.ts` and `limit/generation.ts`, in Lua. Both are kept like counts: `<count>/override` with the
 * number `<limit>`, `<count>/epoch` with the number `<epoch>`.
 *
 * - `override_of`: the limit in force and its end, and the quota that rules count by: nil where there is no override.
 * - `keep`: the state of a count, for as long as it means something by every limit that it will be read by.
 */
export const OVERRIDE_LUA = `
local MAX_CAPACITY = ${MAX_CAPACITY_MS}

local function override_of(record, q, now)
  local id = q.count .. '/override'
  local s = stored(record, id, now)
  if not s or #s ~= 1 or s[1] * q.window > MAX_CAPACITY then return nil end
  local over = { limit = s[1], until_ = record.counts[id].until_, quota = q }
  if over.limit == 0 then return over end
  local burst = over.limit
  if q.burst ~= q.limit then
    burst = math.max(1, math.floor(q.burst * over.limit / q.limit))
    burst = math.min(burst, math.floor(MAX_CAPACITY / q.window))
  end
  over.quota = { limit = over.limit, window = q.window, burst = burst }
  return over
end
local function keep(record, q, state, over, now)
  local r = rules[q.algorithm]
  local until_ = r.empty_at(state, q)
  if over then until_ = math.max(until_, math.min(r.empty_at(state, over.quota), over.until_)) end
  put(record, q.count, state, until_, now)
end

local function begin_generation(record, q, over, now)
  local r, until_ = rules[q.algorithm], 0
  for _, one in ipairs({ q, over and over.quota }) do
    until_ = math.max(until_, r.empty_at(r.add(r.read({}), one, one.burst, now, ${MAX_HOLD_MS}), one))
  end
  record.epoch = record.epoch + 1
  put(record, q.count .. '/epoch', { record.epoch }, until_, now)
end
local function is_void(record, q, epoch, now)
  local s = stored(record, q.count .. '/epoch', now)
  return s and s[1] and epoch < s[1]
end
`;
