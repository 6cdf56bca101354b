-- The last decision of the period about each person; an undated one (0) belongs to every period.
decided AS (
  SELECT
    COALESCE(po.person, d.key_id) AS person,
    d.selected AS selected,
    d.score AS score,
    d.qualified AS qualified,
    d.decided_at AS decided_at,
    ROW_NUMBER() OVER (PARTITION BY COALESCE(po.person, d.key_id) ORDER BY d.decided_at DESC, d.selected DESC) AS newest
  FROM decisions AS d
  LEFT JOIN person_of AS po ON po.key_id = d.key_id
  WHERE d.decision = :decision AND (d.decided_at = 0 OR (d.decided_at >= :from_at AND d.decided_at < :to_at)))
