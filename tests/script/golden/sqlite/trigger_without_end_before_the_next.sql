CREATE TRIGGER a AFTER INSERT ON t BEGIN
  SELECT 1;

CREATE TRIGGER b AFTER INSERT ON t BEGIN
  SELECT 1;
END;
✗ 1: the BEGIN block that opens here is not closed before the CREATE in line 4