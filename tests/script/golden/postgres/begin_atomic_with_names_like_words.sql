▸CREATE OR REPLACE PROCEDURE p(begin int, "end" int) LANGUAGE sql
BEGIN /* ; */ ATOMIC -- ;
  INSERT INTO t (begin) VALUES (1);
  SELECT 2 AS end;
  SELECT 3 AS "end";
END;✂
▸SELECT 1;✂
