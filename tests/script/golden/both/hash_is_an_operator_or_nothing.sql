▸SELECT 5 # 3;✂
▸SELECT 'a # b';✂
