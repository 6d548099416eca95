▸SELECT E'a' -- it goes on
  'b\'; c';✂
▸SELECT 'a'
  'b\';✂
