/**
 * The twin of `limit/administer.ts`, in Lua. ARGV: what is asked (`peek`, `reset`, `override`), then ten fields for each
 * charge, those up to its lockout, then another limit (-1 = none) and its end. Returns how many values were corrupt, then for
 * each charge: remaining, more room, reset, now, limit, end of the override (-1 = none), locked out for, wait for one unit.
 */
export const ADMINISTER_LUA = `
local function reset(record, q, now)
  record.counts[q.count], record.counts[q.lockout] = nil, nil
  begin_generation(record, q, override_of(record, q, now), now)
end
local function override(record, q, limit, until_, now)
  put(record, q.count .. '/override', { limit }, limit < 0 and 0 or until_, now)
  local over, state = override_of(record, q, now), stored(record, q.count, now)
  if state then
    local before = record.counts[q.count].until_
    keep(record, q, rules[q.algorithm].read(state), over, now)
    record.counts[q.count].until_ = math.max(before, record.counts[q.count].until_)
  end
  if q.algorithm == 't' then begin_generation(record, q, over, now) end
end
local records, asked = load(), ARGV[1]
local last = #ARGV - (#ARGV - 1) % 10
for i = 2, last, 10 do
  local q = charge_at(i)
  local record = records[q.key]
  local now = math.max(clock, record.at)
  if asked == 'reset' then reset(record, q, now) end
  if asked == 'override' then override(record, q, tonumber(ARGV[i + 8]), tonumber(ARGV[i + 9]), now) end
end
save(records)
local reply = { corrupt }
for i = 2, last, 10 do
  local q = charge_at(i)
  local view = view_of(records[q.key], q)
  local over, wait = view.over, wait_for(1, view, q)
  for _, n in ipairs(stands(view, q)) do reply[#reply + 1] = n end
  reply[#reply + 1] = over and over.limit or q.limit
  reply[#reply + 1] = over and over.until_ or -1
  reply[#reply + 1] = view.locked
  reply[#reply + 1] = wait > 0 and wait + view.now - clock or 0
end
return reply
`;
