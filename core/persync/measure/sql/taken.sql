-- Who is in which segment, and who was sent which message.
taken AS (
  SELECT 'segment' AS kind, m.segment_id AS number, COALESCE(po.person, m.key_id) AS person
  FROM memberships AS m
  LEFT JOIN person_of AS po ON po.key_id = m.key_id
  WHERE m.left_at IS NULL
  UNION
  SELECT 'message' AS kind, s.campaign_id AS number, s.person AS person
  FROM sends AS s
  WHERE s.campaign_id <> 0)
