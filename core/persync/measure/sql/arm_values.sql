-- Every outcome of every person of an arm as an exact decimal: money in minor units (`source` order), then imported numbers.
-- Numbers of a billion and more, and money of a trillion, are left out: their squares would not fit.
arm_values AS (
  SELECT s.arm AS arm, s.person AS person, 'order' AS source, 'conversion' AS outcome, CAST(s.has_ordered AS DECIMAL(18, 4)) AS y
  FROM spent AS s
  UNION ALL
  SELECT s.arm AS arm, s.person AS person, 'order' AS source, 'revenue' AS outcome, CAST(s.revenue_minor AS DECIMAL(18, 4)) AS y
  FROM spent AS s
  WHERE ABS(s.revenue_minor) < 1000000000000
  UNION ALL
  SELECT a.arm AS arm, a.person AS person, 'imported' AS source, o.outcome AS outcome, CAST(o.value AS DECIMAL(18, 4)) AS y
  FROM arms AS a
  JOIN person_outcomes AS o ON o.person = a.person
  WHERE ABS(o.value) < 1e9)
