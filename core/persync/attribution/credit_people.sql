-- What each customer's orders credited to each channel, by model: one row a customer (or, above a limit, a bucket of customers
-- with equal MOD(hash, :buckets)) and channel; `word` 0 is what no touch holds, -1 the baseline. Guests without a key are customers of their own,
-- told apart by the time of their order. stability.py puts in what stands in a comment of its own.
WITH customers AS (
    SELECT m.order_id, MOD(COALESCE(p.hash, ABS(m.ordered_at), 0), :buckets) AS customer
    FROM money_orders AS m
    JOIN orders AS o ON o.order_key = m.order_key
    LEFT JOIN person_of AS p ON p.key_id = o.key_id
)
SELECT
    k.customer,
    CASE WHEN c.reason = 'baseline' THEN -1 ELSE COALESCE(c.word, 0) END AS word,
    /*sums*/
FROM credit_ledger AS c
JOIN customers AS k ON k.order_id = c.order_id
WHERE c.currency = :currency AND /*condition*/
GROUP BY k.customer, CASE WHEN c.reason = 'baseline' THEN -1 ELSE COALESCE(c.word, 0) END
