▸CREATE TABLE [a;b'] (`c;``d` TEXT, ["] TEXT);✂
▸INSERT INTO [a;b'] VALUES (';', ']');✂
▸SELECT `c;``d` FROM [a;b'];✂
