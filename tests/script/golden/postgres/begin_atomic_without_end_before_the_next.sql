CREATE FUNCTION f() RETURNS int
BEGIN ATOMIC
  SELECT 1;

DROP TABLE t;
END;
✗ 2: the BEGIN block that opens here is not closed before the DROP in line 5