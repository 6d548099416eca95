SELECT `a;
✗ 1: the quote ` that opens here is never closed