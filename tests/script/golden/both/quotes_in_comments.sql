-- it's
▸SELECT 1 /* don't " */;✂
-- isn't
▸SELECT 2;✂
