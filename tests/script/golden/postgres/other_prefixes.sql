▸SELECT U&'d\0061t;', B'01', X'3B', N'a;', U&"c;" FROM t;✂
▸SELECT U&'\';✂
