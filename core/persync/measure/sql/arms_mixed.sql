SELECT COUNT(*) AS people
FROM placed AS p
WHERE p.arms > 1
