▸INSERT INTO t VALUES ('one
two;
-- three
');✂
▸SELECT 2;✂
