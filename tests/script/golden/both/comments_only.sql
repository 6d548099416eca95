-- nothing to do; really
/* nothing; at all */
