CREATE TABLE t (a INT);
CREATE TRIGGER t_after AFTER INSERT ON t
BEGIN
  SELECT CASE WHEN 1 THEN 2 END;
  SELECT 2;
✗ 3: the BEGIN block that opens here is not closed before the end of the file