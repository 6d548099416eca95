▸SELECT $a$ ; $A$ ; $a$;✂
▸SELECT 1;✂
