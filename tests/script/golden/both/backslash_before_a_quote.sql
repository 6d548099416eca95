▸INSERT INTO path (name) VALUES ('C:\');✂
▸INSERT INTO path (name) VALUES ('; DELETE FROM path; --');✂
