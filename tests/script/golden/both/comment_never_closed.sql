SELECT 1;

/* SELECT 2;
SELECT 3;
✗ 3: the comment /* that opens here is never closed