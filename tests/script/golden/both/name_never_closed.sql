SELECT 1;
SELECT "one;
✗ 2: the quote " that opens here is never closed