CREATE TRIGGER a AFTER INSERT ON t BEGIN
  SELECT 1;
END
DELETE FROM t;
✗ 1: SQLite does not take this for a whole statement