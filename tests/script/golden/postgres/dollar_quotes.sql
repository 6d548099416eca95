▸DO $$ BEGIN PERFORM 1; END; $$;✂
▸CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $body$
  SELECT 1;
$body$;✂
▸SELECT $$it's; "so$$;✂
