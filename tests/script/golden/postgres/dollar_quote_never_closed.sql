SELECT 1;
DO $body$
BEGIN
  PERFORM $$;$$;
END $BODY$;
✗ 2: the dollar quote $body$ that opens here is never closed