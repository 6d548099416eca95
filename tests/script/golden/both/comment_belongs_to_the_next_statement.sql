-- first: about one
▸SELECT 1;✂ -- about two
-- second: about two

▸SELECT 2;✂
-- the tail
