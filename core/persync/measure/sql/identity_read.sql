SELECT COUNT(*) AS people, CAST(COALESCE(SUM(CASE WHEN p.systems > 1 THEN 1 ELSE 0 END), 0) AS BIGINT) AS matched
FROM (SELECT k.person AS person, COUNT(*) AS systems FROM known AS k GROUP BY k.person) AS p
