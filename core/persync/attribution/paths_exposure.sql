-- How long the counted touches of each channel were watched in each bin of age (in ms, until the look-back ends or :now),
-- by group of people. datadriven.py puts in what stands in a comment of its own.
WITH watched AS (
    SELECT
        t.word,
        MOD(COALESCE(p.hash, t.person), :groups) AS people,
        LEAST(:now - t.happened_at, :lookback_ms) AS watched_ms
    FROM /*counted*/ AS t
    LEFT JOIN person_of AS p ON p.key_id = t.key_id
    WHERE t.happened_at <= :now
)
SELECT
    w.people,
    w.word,
    /*bins*/
FROM watched AS w
GROUP BY w.people, w.word
