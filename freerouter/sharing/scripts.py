"""The scripts that Redis runs, each in one atomic step.

Times are the server's own: each script reads its clock, unless ``now`` is given (by simulations), in milliseconds.
"""

from __future__ import annotations

_NOW = """
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
"""

# Take a slot. KEYS: the slots taken, the fact of the gate, the day. ARGV: now, milliseconds of a slot, limit, slot.
# Returns: granted, [limit, left] of the day, [payload, left, age] of a closed gate, and for each slot the milliseconds
# until it is free.
TAKE = (
    _NOW
    + """
local long, limit, slot = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - long)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')  -- the clock was set back
local gate = redis.call('HMGET', KEYS[2], 'payload', 'at', 'over')
local closed = gate[1] and gate[3] == '0'
local again = redis.call('ZSCORE', KEYS[1], slot)
local granted = not closed and (again or redis.call('ZCARD', KEYS[1]) < limit)
if granted and not again then
  redis.call('ZADD', KEYS[1], now, slot)
  redis.call('PEXPIRE', KEYS[1], long)
  if redis.call('EXISTS', KEYS[3]) == 1 and tonumber(redis.call('HGET', KEYS[3], 'left')) > 0 then
    redis.call('HINCRBY', KEYS[3], 'left', -1)
  end
end
local taken = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local rests = {}
for i = 2, #taken, 2 do rests[#rests + 1] = long - (now - taken[i]) end
local news = {}
if closed then news = {gate[1], redis.call('PTTL', KEYS[2]), now - gate[2]} end
return {granted and 1 or 0, redis.call('HMGET', KEYS[3], 'limit', 'left'), news, rests}
"""
)

# Check that Redis can be written to. KEYS: the life. ARGV: now, a name for it, its name as this process knows it,
# milliseconds that it is kept. Returns its name, and whether this process is the first one that knows another.
CHECK = """
redis.call('HSETNX', KEYS[1], 'name', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
local name, first = redis.call('HGET', KEYS[1], 'name'), 0
if ARGV[3] ~= '' and ARGV[3] ~= name then first = redis.call('HSETNX', KEYS[1], 'told', 1) end
return {name, first}
"""

# Note a slot that was used without asking, or give one back. KEYS: the slots taken, the day.
# ARGV: now, milliseconds of a slot, slot, its age, whether it is over, whether it is told again.
MARK = (
    _NOW
    + """
local long, slot, at = tonumber(ARGV[2]), ARGV[3], now - tonumber(ARGV[4])
local by = 0
if ARGV[5] == '1' then
  by = redis.call('ZREM', KEYS[1], slot)
elseif at > now - long then
  by = -redis.call('ZADD', KEYS[1], 'NX', at, slot)
  redis.call('PEXPIRE', KEYS[1], long)
end
local left = redis.call('HGET', KEYS[2], 'left')
if left and by ~= 0 and left + by >= 0 and ARGV[6] == '0' then redis.call('HINCRBY', KEYS[2], 'left', by) end
"""
)

# Note the free requests of a day. KEYS: the day. ARGV: now, limit, left, milliseconds for which it holds, age, whether
# it is told again: then the fewest count.
DAY = (
    _NOW
    + """
local at = now - tonumber(ARGV[5])
local former = redis.call('HMGET', KEYS[1], 'at', 'limit', 'left')
if former[1] and ARGV[6] == '1' then
  if former[2] == ARGV[2] and tonumber(ARGV[3]) < tonumber(former[3]) then
    redis.call('HSET', KEYS[1], 'left', ARGV[3])
  end
  return
end
if former[1] and at < tonumber(former[1]) then return end
redis.call('HSET', KEYS[1], 'limit', ARGV[2], 'left', ARGV[3], 'at', at)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
"""
)

# Store a fact and tell it, unless another one is newer or lasts longer: see facts.replaces.
# KEYS: the fact, the index of its sort. ARGV: now, age, left, over, payload, channel (empty: it is told to nobody),
# message, most facts of its sort.
PUBLISH = (
    _NOW
    + """
local at, left, over = now - tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local old = redis.call('HMGET', KEYS[1], 'at', 'over')
if old[1] then
  if over == '1' or old[2] == '1' then
    local before = tonumber(old[1])
    if at < before or (at == before and over <= old[2]) then return 0 end
  elseif left < redis.call('PTTL', KEYS[1]) then
    return 0
  end
end
redis.call('HSET', KEYS[1], 'at', at, 'over', over, 'payload', ARGV[5])
redis.call('PEXPIRE', KEYS[1], left)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], now + left, KEYS[1])
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[2], last[2])
local excess = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[8])
if excess > 0 then
  for i, key in ipairs(redis.call('ZPOPMIN', KEYS[2], excess)) do
    if i % 2 == 1 then redis.call('DEL', key) end
  end
end
if ARGV[6] ~= '' then redis.call('PUBLISH', ARGV[6], ARGV[7]) end
return 1
"""
)

# A page of all facts of a sort. KEYS: the index. ARGV: now, offset, length. Returns: how many the page had, and for
# each that is there still: payload, milliseconds left, age in milliseconds, whether it is over.
PAGE = (
    _NOW
    + """
local keys = redis.call('ZRANGE', KEYS[1], ARGV[2], ARGV[2] + ARGV[3] - 1)
local found = {}
for _, key in ipairs(keys) do
  local fact = redis.call('HMGET', key, 'payload', 'at', 'over')
  if fact[1] then found[#found + 1] = {fact[1], redis.call('PTTL', key), now - fact[2], fact[3]} end
end
return {#keys, found}
"""
)
