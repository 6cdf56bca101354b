SELECT
  CAST(v.y AS DOUBLE) AS y,
  s.score AS score,
  CASE WHEN v.arm = :treated THEN 1 ELSE 0 END AS treated,
  COALESCE(h.hash, v.person) AS hash
FROM arm_values AS v
JOIN scores AS s ON s.person = v.person
LEFT JOIN (SELECT DISTINCT po.person AS person, po.hash AS hash FROM person_of AS po) AS h ON h.person = v.person
WHERE v.source = :source AND v.outcome = :outcome AND v.arm IN (:treated, :control)
ORDER BY s.score DESC, COALESCE(h.hash, v.person), v.person
