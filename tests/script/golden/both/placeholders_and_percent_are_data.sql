▸SELECT '%s', ?, :name, '${x}' WHERE a LIKE '%;%';✂
