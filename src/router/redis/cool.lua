-- A deployment cools down.
-- KEYS: cooling (sorted set).
-- ARGV: deployment, for how many ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lasts = tonumber(ARGV[2])
local kept = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0)
if kept < now + lasts then
    redis.call('ZADD', KEYS[1], now + lasts, ARGV[1])
end
if redis.call('PTTL', KEYS[1]) < lasts then
    redis.call('PEXPIRE', KEYS[1], lasts)
end
return 1
