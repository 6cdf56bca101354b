-- When each person first placed an order that counts.
first_orders AS (
  SELECT m.person AS person, MIN(m.ordered_at) AS first_at
  FROM order_money AS m
  WHERE m.is_counted = 1
  GROUP BY m.person)
