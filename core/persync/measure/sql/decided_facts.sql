-- The other attributes of the people decided about: what a model may learn from beside the score.
SELECT DISTINCT d.person AS person, a.name AS name, a.value AS value
FROM decided AS d
LEFT JOIN person_of AS po ON po.person = d.person
JOIN attributes AS a ON a.key_id = COALESCE(po.key_id, d.person)
WHERE d.newest = 1 AND d.qualified IS NOT NULL AND a.value IS NOT NULL AND a.value <> ''
ORDER BY 1, 2, 3
