SELECT 1;
SET SESSION standard_conforming_strings=0;
INSERT INTO t VALUES ('\'; DELETE FROM t; --');
✗ 2: standard_conforming_strings is switched off, and quotes would mean something else from here on