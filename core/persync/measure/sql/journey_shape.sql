-- One row an order that counts and has touches, placed in the period: its first five channels in order, how many touches, how
-- many days from the first touch to the order, and whose it is.
shaped AS (
  SELECT
    j.order_id AS order_id,
    MIN(COALESCE(p.hash, j.key_id)) AS customer,
    MAX(j.length) AS length,
    MAX(j.age_days) AS days,
    MAX(CASE WHEN j.position = 1 THEN j.word ELSE 0 END) AS word_1,
    MAX(CASE WHEN j.position = 2 THEN j.word ELSE 0 END) AS word_2,
    MAX(CASE WHEN j.position = 3 THEN j.word ELSE 0 END) AS word_3,
    MAX(CASE WHEN j.position = 4 THEN j.word ELSE 0 END) AS word_4,
    MAX(CASE WHEN j.position = 5 THEN j.word ELSE 0 END) AS word_5,
    MAX(CASE WHEN j.position = j.length THEN j.word ELSE 0 END) AS last_word
  FROM journeys AS j
  JOIN money_orders AS m ON m.order_id = j.order_id
  LEFT JOIN person_of AS p ON p.key_id = j.key_id
  WHERE j.is_touch = 1 AND m.is_counted = 1 AND m.ordered_at >= :from_at AND m.ordered_at < :to_at
  GROUP BY j.order_id)
