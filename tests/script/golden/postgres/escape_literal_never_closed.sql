SELECT 1;

SELECT E'a\';
✗ 3: the quote ' that opens here is never closed