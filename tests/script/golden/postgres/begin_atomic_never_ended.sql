CREATE FUNCTION f() RETURNS int
BEGIN ATOMIC
  SELECT CASE WHEN 1 = 1 THEN 2 END;
✗ 2: the BEGIN block that opens here is not closed before the end of the file