▸CREATE TABLE t (a INT);✂
▸CREATE /* a; */ TEMP -- b;
TRIGGER IF NOT EXISTS t_temp AFTER INSERT ON t /* BEGIN */
BEGIN -- END;
  SELECT 'END;'; /* END; */
  -- END;
END /* of it; */ ;✂
▸SELECT 1;✂
