\set ON_ERROR_STOP on
SELECT 1;
✗ 1: `\set` is not SQL; commands with a backslash are known to psql alone