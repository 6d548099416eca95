▸SELECT '-- no', '/* no';✂
▸SELECT '*/';✂
