SELECT
  COUNT(*) AS people,
  CAST(COALESCE(SUM(CASE WHEN ABS(TRY_CAST(a.value AS DOUBLE)) < 1e9 THEN 1 ELSE 0 END), 0) AS BIGINT) AS numbers
FROM attributes AS a
WHERE a.name = :attribute AND a.value IS NOT NULL AND a.value <> ''
