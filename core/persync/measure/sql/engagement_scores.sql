-- The engagement score of everybody whom a platform knows as a contact or who ever did something, at the moment :at: for each
-- kind of act the decayed number of acts, its rank from 0 (none) to 1 (nobody did more), and the weighted mean of the ranks over
-- the kinds that anybody did. Whoever did nothing of a kind has rank 0 of it, however many others did nothing either.
decayed AS (
  SELECT
    a.person AS person,
    a.kind AS kind,
    SUM(POWER(0.5e0, (:at - a.at) / (:half_life * 86400000e0))) AS activity
  FROM acted AS a
  WHERE a.at < :at AND a.at >= :at - :horizon_ms
  GROUP BY a.person, a.kind),
ranked AS (
  SELECT
    d.person AS person,
    d.kind AS kind,
    CUME_DIST() OVER (PARTITION BY d.kind ORDER BY d.activity) AS place,
    COUNT(*) OVER (PARTITION BY d.kind) AS doers
  FROM decayed AS d),
people AS (
  SELECT COALESCE(po.person, c.key_id) AS person
  FROM contacts AS c
  LEFT JOIN person_of AS po ON po.key_id = c.key_id
  WHERE COALESCE(c.is_deleted, 0) = 0 AND (c.created_at IS NULL OR c.created_at < :at)
  UNION
  SELECT d.person AS person FROM decayed AS d),
size AS (SELECT COUNT(*) AS n FROM people AS p),
weights AS (/*weights*/),
used AS (
  SELECT SUM(w.weight) AS total
  FROM weights AS w
  WHERE w.kind IN (SELECT r.kind FROM ranked AS r)),
scores AS (
  SELECT
    p.person AS person,
    100e0 * COALESCE(SUM(w.weight * (1e0 - (1e0 - r.place) * r.doers / z.n)), 0e0) / MAX(u.total) AS score
  FROM people AS p
  CROSS JOIN size AS z
  CROSS JOIN used AS u
  LEFT JOIN ranked AS r ON r.person = p.person
  LEFT JOIN weights AS w ON w.kind = r.kind
  WHERE u.total > 0
  GROUP BY p.person)
