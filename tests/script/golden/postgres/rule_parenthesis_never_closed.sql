SELECT 1;
CREATE RULE r AS ON INSERT TO t DO (
  INSERT INTO u VALUES (1);
  SELECT 2;
✗ 2: the parenthesis that opens here is not closed before the end of the file