SELECT na.name AS here, nb.name AS there, COUNT(*) AS people, COUNT(b.person) AS matched
FROM known AS a
JOIN connections AS na ON na.connection = a.connection
JOIN (SELECT DISTINCT k.connection AS connection FROM known AS k) AS o ON o.connection <> a.connection
JOIN connections AS nb ON nb.connection = o.connection
LEFT JOIN known AS b ON b.connection = o.connection AND b.person = a.person
GROUP BY na.name, nb.name
ORDER BY na.name, nb.name
