-- dumped by pg_dump
\restrict abcDEF

SET x = 1;
✗ 2: `\restrict` is not SQL; commands with a backslash are known to psql alone