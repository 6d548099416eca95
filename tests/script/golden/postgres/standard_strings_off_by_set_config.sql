SELECT 1;
SELECT pg_catalog.set_config('standard_conforming_strings', 'off', false);
INSERT INTO t VALUES ('\'; DELETE FROM t; --');
✗ 2: standard_conforming_strings is switched off, and quotes would mean something else from here on