▸CREATE TABLE "a;b" ("c;""d;" TEXT);✂
▸SELECT "c;""d;" FROM "a;b";✂
