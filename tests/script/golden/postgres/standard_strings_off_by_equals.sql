SELECT 1;
SET standard_conforming_strings = off;
INSERT INTO t VALUES ('\'; DELETE FROM t; --');
✗ 2: standard_conforming_strings is switched off, and quotes would mean something else from here on