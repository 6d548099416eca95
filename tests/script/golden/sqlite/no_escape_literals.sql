▸SELECT 'E', 'a\';✂
▸SELECT 'b';✂
