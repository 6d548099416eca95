SELECT 1;
SET LOCAL "standard_conforming_strings" TO 'no';
INSERT INTO t VALUES ('\'; DELETE FROM t; --');
✗ 2: standard_conforming_strings is switched off, and quotes would mean something else from here on