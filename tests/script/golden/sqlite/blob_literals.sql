▸SELECT x'3b', X'27';✂
▸SELECT 2;✂
