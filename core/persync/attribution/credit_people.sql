-- What each customer's orders credited to each channel, by model: one row a customer of drawn_customers.sql and channel; `word` 0
-- is what no touch holds, -1 the baseline. stability.py puts in what stands in a comment of its own.
WITH customers AS (
    /*customers*/
)
SELECT
    k.customer,
    CASE WHEN c.reason = 'baseline' THEN -1 ELSE COALESCE(c.word, 0) END AS word,
    /*sums*/
FROM credit_ledger AS c
JOIN customers AS k ON k.order_id = c.order_id
WHERE c.currency = :currency AND /*condition*/
GROUP BY k.customer, CASE WHEN c.reason = 'baseline' THEN -1 ELSE COALESCE(c.word, 0) END
