CREATE TRIGGER a AFTER INSERT ON t BEGIN
  SELECT 'a;
END;
✗ 2: the quote ' that opens here is never closed