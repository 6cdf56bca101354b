-- Imported outcomes: a person's values in the window added up. An empty value is missing, and so is a person without a row.
-- happened_at = 0 means undated: such a row counts whatever the window.
person_outcomes AS (
  SELECT COALESCE(po.person, o.key_id) AS person, o.outcome AS outcome, SUM(o.value) AS value, MAX(o.happened_at) AS happened_at
  FROM outcomes AS o
  LEFT JOIN person_of AS po ON po.key_id = o.key_id
  WHERE o.value IS NOT NULL
    AND (o.happened_at = 0 OR (o.happened_at >= :from_at AND o.happened_at < :to_at))
  GROUP BY COALESCE(po.person, o.key_id), o.outcome)
