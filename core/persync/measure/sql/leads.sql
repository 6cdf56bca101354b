-- When somebody was first known, and from where: as attribution's milestone `lead` has it (stage subscriber or lead, a consent
-- given, the contact made).
first_known AS (
  SELECT s.key_id AS key_id, s.entered_at AS known_at FROM stages AS s WHERE s.stage IN ('subscriber', 'lead')
  UNION ALL
  SELECT s.key_id AS key_id, s.changed_at AS known_at FROM consents AS s WHERE s.state = 'subscribed' AND s.changed_at IS NOT NULL
  UNION ALL
  SELECT s.key_id AS key_id, s.happened_at AS known_at FROM consent_changes AS s WHERE s.state = 'subscribed'
  UNION ALL
  SELECT s.key_id AS key_id, s.created_at AS known_at FROM contacts AS s WHERE s.created_at IS NOT NULL),
lead_sources AS (
  SELECT COALESCE(po.person, c.key_id) AS person, MIN(c.source) AS source
  FROM contacts AS c
  LEFT JOIN person_of AS po ON po.key_id = c.key_id
  GROUP BY COALESCE(po.person, c.key_id)),
leads AS (
  SELECT COALESCE(po.person, k.key_id) AS person, MIN(k.known_at) AS lead_at, COALESCE(MIN(q.source), 'unknown') AS source
  FROM first_known AS k
  LEFT JOIN person_of AS po ON po.key_id = k.key_id
  LEFT JOIN lead_sources AS q ON q.person = COALESCE(po.person, k.key_id)
  GROUP BY COALESCE(po.person, k.key_id))
