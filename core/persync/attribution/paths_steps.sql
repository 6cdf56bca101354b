-- How often each touch followed which last three (0 = none), and what followed a path's last one: counts by group of people.
-- came_1 is the channel right before; next_word is the touch itself, or at a path's end 0 with `ends` 1 (conversion) or 2 (null).
WITH steps AS (
    SELECT
        p.is_converting,
        MOD(p.hash, :groups) AS people,
        p.word,
        LAG(p.word, 1) OVER (PARTITION BY p.is_converting, p.path, p.part ORDER BY p.place, p.channel_rank) AS came_1,
        LAG(p.word, 2) OVER (PARTITION BY p.is_converting, p.path, p.part ORDER BY p.place, p.channel_rank) AS came_2,
        LAG(p.word, 3) OVER (PARTITION BY p.is_converting, p.path, p.part ORDER BY p.place, p.channel_rank) AS came_3,
        LEAD(p.word, 1) OVER (PARTITION BY p.is_converting, p.path, p.part ORDER BY p.place, p.channel_rank) AS next_word
    FROM paths AS p
)
SELECT
    s.people,
    COALESCE(s.came_3, 0) AS came_3,
    COALESCE(s.came_2, 0) AS came_2,
    COALESCE(s.came_1, 0) AS came_1,
    s.word,
    CASE WHEN s.next_word IS NOT NULL THEN 0 WHEN s.is_converting = 1 THEN 1 ELSE 2 END AS ends,
    COUNT(*) AS paths
FROM steps AS s
GROUP BY 1, 2, 3, 4, 5, 6
