SELECT 1;
\d users
SELECT 2;
✗ 2: `\d` is not SQL; commands with a backslash are known to psql alone