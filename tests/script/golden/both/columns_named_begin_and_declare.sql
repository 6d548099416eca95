▸CREATE TABLE span (begin INT, declare INT, loop INT);✂
▸INSERT INTO span (begin, declare) VALUES (1, 2);✂
▸SELECT begin, declare, loop FROM span;✂
