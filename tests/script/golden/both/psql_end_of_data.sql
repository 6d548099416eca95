SELECT 1;
\.
✗ 2: `\.` is not SQL; commands with a backslash are known to psql alone