SELECT a.arm AS arm, COUNT(*) AS people, CAST(SUM(CASE WHEN s.person IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS reached
FROM arms AS a
LEFT JOIN (SELECT DISTINCT d.person AS person FROM sends AS d WHERE d.level >= 2) AS s ON s.person = a.person
GROUP BY a.arm
ORDER BY a.arm
