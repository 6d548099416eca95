▸SELECT 1 -- one; two
  /* three; four */ + 2;✂
