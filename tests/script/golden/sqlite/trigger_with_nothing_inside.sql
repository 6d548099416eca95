CREATE TRIGGER a AFTER INSERT ON t BEGIN END;
✗ 1: the BEGIN block that opens here is not closed before the end of the file