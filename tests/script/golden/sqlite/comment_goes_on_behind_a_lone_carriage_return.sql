-- one␍ still the comment;
▸SELECT 1;✂␍
▸SELECT 2;✂
