SELECT 1;
/* a /* b */
SELECT 2;
✗ 2: the comment /* that opens here is never closed