COPY t FROM STDIN␄
✗ 1: COPY … FROM STDIN reads rows that a migration cannot send