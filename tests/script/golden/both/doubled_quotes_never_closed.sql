SELECT
'a''b''c
''d;
✗ 2: the quote ' that opens here is never closed