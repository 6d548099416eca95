▸CREATE TABLE span (begin INT, "end" INT, loop INT);✂
▸CREATE TRIGGER span_begin AFTER UPDATE OF begin, "end" ON span
WHEN new.begin > new."end"
BEGIN
  UPDATE span SET "end" = new.begin, loop = 0 WHERE begin = new.begin;
  SELECT new.begin AS end;
END;✂
▸SELECT begin, "end" FROM span;✂
