▸SELECT a[1], '{1,2}'::int[], ARRAY['a;', 'b'];✂
▸SELECT b[1:2];✂
