SELECT 1;
DO $$
SELECT 2;
✗ 2: the dollar quote $$ that opens here is never closed