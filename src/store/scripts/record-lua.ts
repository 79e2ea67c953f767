/**
 * How the value of a key is read and written, in Lua. Every number is a whole one below 2^53 and written with `%.0f`: Lua's
 * own conversion keeps 14 digits.
 *
 * The value: `1 <epoch> <atMs>`, then a line `<count> <untilMs> <number> ...` for each count, where the numbers are the
 * state: sliding-window `time cost ...`, token-bucket `at debt`, fixed-window `start used`, and of a lockout, kept like a
 * count, `lockedUntil time refusals ...`.
 *
 * - `MAX_TIME`: the end of time for stored instants. A later one is corrupt.
 * - `parse`: a stored value as a record, or nil when it cannot be read.
 * - `stored`: nothing from the instant on at which the count means nothing, whether or not it was dropped.
 */
export const RECORD_LUA = `
local MOST = 9007199254740991
local MAX_ENTRIES = 128
local MAX_TIME = 4503599627370496

local function whole(text)
  local n = tonumber(text)
  if n and n >= 0 and n <= MOST and n == math.floor(n) then return n end
end
local function text(n) return string.format('%.0f', n) end
local function saturated(n) return math.min(n, MOST) end

local corrupt = 0

local function parse(value)
  local record = { counts = {} }
  for line in string.gmatch(value, '[^\\n]+') do
    local words = {}
    for word in string.gmatch(line, '%S+') do words[#words + 1] = word end
    if not record.epoch then
      record.epoch, record.at = whole(words[2]), whole(words[3])
      if words[1] ~= '1' or #words ~= 3 or not record.epoch or not record.at or record.at > MAX_TIME then return nil end
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

local function stored(record, id, now)
  local count = record.counts[id]
  return count and count.until_ > now and count.state or nil
end
local function put(record, id, state, until_, now)
  record.counts[id] = { state = state, until_ = until_ }
  record.at = math.max(record.at, now)
  record.changed = true
end

local function copy(record)
  local counts = {}
  for id, count in pairs(record.counts) do counts[id] = count end
  return { epoch = record.epoch, at = record.at, counts = counts, changed = record.changed }
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
`;
