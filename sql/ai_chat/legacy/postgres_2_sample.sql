-- A small sample in which every odd case that the migration survives occurs once. Load it behind
-- postgres_1_schema.sql: psql -v ON_ERROR_STOP=1 -1 -f postgres_1_schema.sql -f postgres_2_sample.sql
INSERT INTO users (username, email)
VALUES
    ('ada', 'ada@example.org'),
    -- Quotation marks, a backslash, what looks like SQL and like placeholders.
    ('o''hara "the first"', 'C:\temp\@example.org'),
    ('''; DROP TABLE users; --', '${x} %s ? :name $1'),
    -- Four bytes a character, right to left, a line break, empty.
    ('用户-7 🗺', 'مرحبا שלום'),
    ('line
break', ''),
    ('', ' '),
    -- The same but for the case, and for a blank at its end.
    ('Ada', 'ADA@example.org'),
    ('ada ', 'ada@example.org ');

-- Ids with gaps, below nought, and the last that an integer holds; the sequence stands where the application left it.
INSERT INTO users (id, username, email)
VALUES
    (1000, 'gap', 'gap@example.org'),
    (-1, 'below', 'below@example.org'),
    (2147483647, 'last', 'last@example.org');
