▸CREATE TABLE t (a INT);✂
▸CREATE VIEW v AS SELECT a FROM t;✂
▸create trigger v_insert instead of insert on v begin
  insert into t (a) values (new.a);
end;✂
▸CREATE TRIGGER v_delete INSTEAD OF DELETE ON v BEGIN DELETE FROM t WHERE a = old.a; END;✂
