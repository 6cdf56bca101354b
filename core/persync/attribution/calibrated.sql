-- What the people of each side of a holdout spent in its window, and what e-mail was credited with of that, by model: exact
-- sums in minor units, and sums of squares for the interval. `arms` and `order_money` (whose order it is) stand before it;
-- calibrate.py puts in what stands in a comment of its own.
credited AS (
    SELECT
        c.order_id,
        /*credited*/
    FROM credit_ledger AS c
    LEFT JOIN words AS w ON w.word = c.word
    GROUP BY c.order_id
),
spent AS (
    SELECT
        m.person,
        /*spent*/
    FROM order_money AS m
    JOIN credited AS c ON c.order_id = m.order_id
    WHERE m.ordered_at >= :from_at AND m.ordered_at < :to_at
    GROUP BY m.person
)
SELECT
    CASE WHEN a.arm = :control THEN 0 ELSE 1 END AS is_treated,
    COUNT(*) AS people,
    /*sums*/
FROM arms AS a
LEFT JOIN spent AS s ON s.person = a.person
GROUP BY CASE WHEN a.arm = :control THEN 0 ELSE 1 END
