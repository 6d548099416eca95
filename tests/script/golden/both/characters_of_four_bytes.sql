▸INSERT INTO 表 VALUES ('😀;😀', '𝔘');✂
-- 😀;
▸SELECT '👩‍👩‍👧';✂
