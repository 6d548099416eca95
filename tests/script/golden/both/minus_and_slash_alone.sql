▸SELECT 6 - -2 / 3, - 1;✂
▸SELECT 1-1;✂
