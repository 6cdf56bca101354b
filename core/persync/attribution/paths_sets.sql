-- How many paths touched which set of channels, and how many of them converted, by group of people.
-- A set is written as bits, sixty channels a column: datadriven.py puts in what stands in a comment of its own.
WITH distinct_channels AS (
    SELECT DISTINCT p.is_converting, p.path, p.part, p.word, p.hash
    FROM paths AS p
),
sets AS (
    SELECT
        d.is_converting,
        MOD(MIN(d.hash), :groups) AS people,
        /*bits*/
    FROM distinct_channels AS d
    GROUP BY d.is_converting, d.path, d.part
)
SELECT
    s.people,
    /*columns*/,
    COUNT(*) AS paths,
    CAST(SUM(s.is_converting) AS BIGINT) AS conversions
FROM sets AS s
GROUP BY s.people, /*columns*/
