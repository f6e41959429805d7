-- Which deployments cool down now.
-- KEYS: cooling (sorted set).
-- Gives deployment and ms left, one after the other.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer = {}
local kept = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES')
for i = 1, #kept, 2 do
    answer[i] = kept[i]
    answer[i + 1] = tonumber(kept[i + 1]) - now
end
return answer
