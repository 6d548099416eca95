SELECT 1;

CREATE TRIGGER a AFTER INSERT ON t SELECT 1;
SELECT 2;
✗ 3: SQLite does not take this for a whole statement