/**
 * The twin of `limit/lockout.ts`, in Lua. A lockout is kept like a count, with the numbers
 * `<lockedUntilMs> <time> <refusals> ...`. A charge without one names it `-`.
 *
 * - `lockout_of`: until when the key is locked out (0 = it is not), and the refusals counted.
 */
export const LOCKOUT_LUA = `
local function lockout_of(record, q, now)
  local s = stored(record, q.lockout, now) or {}
  local refusals = sliding.read({ unpack(s, 2) })
  if not s[1] or s[1] > MAX_TIME or #refusals ~= #s - 1 then return 0, {} end
  return s[1], refusals
end
local function locked_for(record, q, now)
  if q.lockout == '-' then return 0 end
  local until_ = lockout_of(record, q, now)
  return math.max(0, until_ - now)
end
local function add_refusal(record, q, now)
  local _, refusals = lockout_of(record, q, now)
  local quota = { limit = q.refusals, window = q.within }
  if sliding.remaining(refusals, quota, now) <= 1 then
    put(record, q.lockout, { now + q.duration }, now + q.duration, now)
  else
    local counted = sliding.add(refusals, quota, 1, now)
    put(record, q.lockout, { 0, unpack(counted) }, sliding.empty_at(counted, quota), now)
  end
end
`;
