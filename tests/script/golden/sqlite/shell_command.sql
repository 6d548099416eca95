SELECT 1;
.mode csv
SELECT 2;
✗ 2: `.mode` is not SQL; commands with a dot are known to the sqlite3 shell alone