-- nothing
;✂
▸SELECT 1;✂
