SELECT 1;
SELECT [a;
✗ 2: the bracket [ that opens here is never closed