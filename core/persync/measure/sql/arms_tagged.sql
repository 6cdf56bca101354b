-- Who was drawn into which arm, from tags. A tag that was taken off again still counts: people are read as they were
-- drawn, not as they ended. The pairs of arm and tag are in the piece `tags`, made from the settings.
drawn AS (
  SELECT DISTINCT COALESCE(po.person, m.key_id) AS person, g.arm AS arm
  FROM tags AS g
  JOIN segments AS s ON s.kind = 'tag' AND (s.name = g.tag OR s.vendor_id = g.tag)
  JOIN memberships AS m ON m.segment_id = s.segment_id
  LEFT JOIN person_of AS po ON po.key_id = m.key_id)
