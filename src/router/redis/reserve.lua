-- Takes room for one call at one deployment, all of it or none.
-- KEYS: usage (hash), flying (sorted set).
-- ARGV: lease, its time in ms, tokens, rpm, tpm, most in flight; -1 for no limit.
-- Gives {1, minute} when taken, {0, ms until the next minute} when the minute is full, {-1, 0} when too many fly.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local minute = math.floor(time[1] / 60)
local lasts, tokens = tonumber(ARGV[2]), tonumber(ARGV[3])
local rpm, tpm, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

-- Asked again, because the first answer was lost: it has its room already.
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then
    return {1, 0}
end

local kept = redis.call('HMGET', KEYS[1], 'minute', 'requests', 'tokens')
local requests, used = 0, 0
if tonumber(kept[1]) == minute then
    requests, used = tonumber(kept[2]) or 0, tonumber(kept[3]) or 0
end
if (rpm >= 0 and requests + 1 > rpm) or (tpm >= 0 and used + tokens > tpm) then
    return {0, 60000 - now % 60000}
end

-- Leases that were not renewed are those of processes that died.
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if most >= 0 and redis.call('ZCARD', KEYS[2]) >= most then
    return {-1, 0}
end

redis.call('HSET', KEYS[1], 'minute', minute, 'requests', requests + 1, 'tokens', used + tokens)
redis.call('PEXPIRE', KEYS[1], 120000)
redis.call('ZADD', KEYS[2], now + lasts, ARGV[1])
if redis.call('PTTL', KEYS[2]) < lasts * 2 then
    redis.call('PEXPIRE', KEYS[2], lasts * 2)
end
return {1, minute}
