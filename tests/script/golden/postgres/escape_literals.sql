▸SELECT E'\'', e'a\\', E'it''s\';';✂
▸SELECT E'C:\\';✂
▸SELECT 1;✂
