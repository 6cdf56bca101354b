-- Who ordered within so many days of the moment in `begun`.
bought AS (
  SELECT DISTINCT m.person AS person
  FROM order_money AS m
  CROSS JOIN begun AS b
  WHERE m.person IS NOT NULL AND m.is_counted = 1 AND m.ordered_at >= b.first_at AND m.ordered_at < b.first_at + :days_ms)
