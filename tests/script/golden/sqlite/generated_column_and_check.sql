▸CREATE TABLE t (
  a TEXT CHECK (a <> ';'),
  b TEXT GENERATED ALWAYS AS (a || ';') STORED -- c;
);✂
▸CREATE INDEX i ON t (b) WHERE b <> ';';✂
