-- A call has ended: its place in flight goes back, and what it took of the minute is corrected, if it still is that minute.
-- KEYS: usage (hash), flying (sorted set).
-- ARGV: lease, minute in which it was taken (0 for not known), requests to give back, tokens to add (may be negative).
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then
    return 0
end
local minute = tonumber(ARGV[2])
if minute ~= 0 and tonumber(redis.call('HGET', KEYS[1], 'minute')) == minute then
    local kept = redis.call('HMGET', KEYS[1], 'requests', 'tokens')
    local requests = math.max(0, (tonumber(kept[1]) or 0) - tonumber(ARGV[3]))
    local tokens = math.max(0, (tonumber(kept[2]) or 0) + tonumber(ARGV[4]))
    redis.call('HSET', KEYS[1], 'requests', requests, 'tokens', tokens)
end
return 1
