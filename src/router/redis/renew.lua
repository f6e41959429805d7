-- Calls still fly: their leases go on.
-- KEYS: flying (sorted set).
-- ARGV: the time of a lease in ms, then the leases.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lasts = tonumber(ARGV[1])
for i = 2, #ARGV do
    redis.call('ZADD', KEYS[1], now + lasts, ARGV[i])
end
if redis.call('PTTL', KEYS[1]) < lasts * 2 then
    redis.call('PEXPIRE', KEYS[1], lasts * 2)
end
return 1
