▸SELECT a$b$c, a$$ FROM t$1;✂
▸SELECT b$c$, d$$;✂
