SELECT 1;
-- rows
COPY public.t (a, b) FROM stdin;
1	it's
2	\N
\.
✗ 3: COPY … FROM STDIN reads rows that a migration cannot send