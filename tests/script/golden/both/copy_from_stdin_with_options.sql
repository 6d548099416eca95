copy "from"
  from   /* the */
  StdIn with (format csv);
1,'
✗ 1: COPY … FROM STDIN reads rows that a migration cannot send