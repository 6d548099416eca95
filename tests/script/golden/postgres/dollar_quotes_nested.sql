▸DO $outer$
BEGIN
  EXECUTE $$ SELECT 1; $$;
  EXECUTE $q$ SELECT $$;$$; $q$;
END;
$outer$;✂
▸SELECT 1;✂
