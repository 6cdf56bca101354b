-- An arm whose people were all drawn into another arm too is still an arm, with nobody in it.
SELECT d.arm AS arm, CAST(SUM(CASE WHEN p.arms = 1 THEN 1 ELSE 0 END) AS BIGINT) AS people
FROM drawn AS d
JOIN placed AS p ON p.person = d.person
GROUP BY d.arm
ORDER BY d.arm
