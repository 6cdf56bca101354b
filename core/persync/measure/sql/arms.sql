-- One arm a person; whoever was drawn into two is contamination and belongs to none.
placed AS (
  SELECT d.person AS person, MIN(d.arm) AS arm, COUNT(*) AS arms
  FROM drawn AS d
  GROUP BY d.person),
arms AS (
  SELECT p.person AS person, p.arm AS arm
  FROM placed AS p
  WHERE p.arms = 1)
