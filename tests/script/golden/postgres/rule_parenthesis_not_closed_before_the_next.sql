CREATE RULE r AS ON INSERT TO t DO (
  INSERT INTO u VALUES (1);

CREATE TABLE v (a INT);
SELECT 1);
✗ 1: the parenthesis that opens here is not closed before the CREATE in line 4