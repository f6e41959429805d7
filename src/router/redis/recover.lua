-- A deployment is well again.
-- KEYS: cooling (sorted set).
-- ARGV: its id.
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
