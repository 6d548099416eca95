▸COPY t FROM '/srv/from stdin;.csv';✂
▸COPY t TO STDOUT;✂
▸COPY (SELECT a FROM stdin) TO '/srv/t.csv';✂
▸SELECT 'COPY t FROM STDIN;';✂
