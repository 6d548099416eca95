SELECT 1;
﻿SELECT "a﻿" -- ﻿
;
DROP ﻿TABLE a;
✗ 4: a byte order mark (U+FEFF) stands within a statement