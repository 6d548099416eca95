SELECT 1 \gexec
✗ 1: `\gexec` is not SQL; commands with a backslash are known to psql alone