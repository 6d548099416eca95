SELECT 1;
SELECT
  'one;
SELECT 2;
✗ 3: the quote ' that opens here is never closed