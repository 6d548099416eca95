▸SELECT '$$;' AS a$b;✂
▸SELECT '$$';✂
