-- Orders by how many touches of each channel lay in which bin of age before them: seven bins a channel, a byte each, in one
-- number (256 to the power of the bin, summed; 255 touches of a channel in a bin are the most that count).
WITH aged AS (
    SELECT
        p.path,
        p.word,
        MIN(p.hash) AS hash,
        LEAST(COUNT(*), 255) AS touches,
        /*bin*/ AS bin
    FROM paths AS p
    WHERE p.is_converting = 1
    GROUP BY p.path, p.word, /*bin*/
),
orders_by_age AS (
    SELECT
        a.path,
        MOD(MIN(a.hash), :groups) AS people,
        /*packed*/
    FROM aged AS a
    GROUP BY a.path
)
SELECT
    o.people,
    /*columns*/,
    COUNT(*) AS orders
FROM orders_by_age AS o
GROUP BY o.people, /*columns*/
