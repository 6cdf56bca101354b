-- Whether a recorded e-mail consent stood behind the last message of the slice: some system has recorded a subscription of
-- the person (or its end, which tells that there was one), and the sending system had no withdrawal before the message.
-- A system with a consent for each of its lists (email/list:...) has one withdrawn when any of them is: the most
-- restrictive of the latest states counts.
consent_records AS (
  SELECT c.connection AS connection, COALESCE(po.person, c.key_id) AS person, c.state AS state, c.changed_at AS changed_at,
    ROW_NUMBER() OVER (PARTITION BY c.connection, c.key_id, c.channel ORDER BY c.number DESC) AS newest
  FROM consents AS c
  LEFT JOIN person_of AS po ON po.key_id = c.key_id
  WHERE c.channel = 'email' OR c.channel LIKE 'email/list:%'),
mailed AS (
  SELECT x.person AS person, x.connection AS connection/*columns*/, MAX(x.last_sent_at) AS last_sent_at
  FROM sliced AS x
  GROUP BY x.person, x.connection/*grouping*/),
consent_cover AS (
  SELECT
    x.person AS person, x.connection AS connection/*columns*/,
    MAX(CASE
      WHEN r.state = 'subscribed' THEN 1
      WHEN r.state = 'unsubscribed' AND r.changed_at > x.last_sent_at THEN 1
      ELSE 0 END) AS has_basis,
    MAX(CASE
      WHEN r.connection = x.connection AND r.newest = 1 AND r.state IN ('unsubscribed', 'not_subscribed')
        AND COALESCE(r.changed_at, x.last_sent_at) < x.last_sent_at THEN 1
      ELSE 0 END) AS is_withdrawn
  FROM mailed AS x
  LEFT JOIN consent_records AS r ON r.person = x.person
  GROUP BY x.person, x.connection/*grouping*/),
covered AS (
  SELECT
    x.person AS person/*columns*/,
    MIN(CASE WHEN x.has_basis = 1 AND x.is_withdrawn = 0 THEN 1 ELSE 0 END) AS is_covered
  FROM consent_cover AS x
  GROUP BY x.person/*grouping*/)
