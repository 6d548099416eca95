▸SELECT $é_1$ ; $é$ ; $é_1$;✂
▸SELECT 1;✂
