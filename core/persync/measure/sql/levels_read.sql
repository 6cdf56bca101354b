-- The highest level each person is known to have received; unknown where a send without a level may have been higher.
received AS (
  SELECT
    d.person AS person,
    CASE
      WHEN d.highest >= 2 THEN CAST(d.highest AS VARCHAR(20))
      WHEN d.unlabelled > 0 THEN 'unknown'
      ELSE CAST(d.highest AS VARCHAR(20))
    END AS level
  FROM doses AS d)
