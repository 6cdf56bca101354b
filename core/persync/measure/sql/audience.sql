-- Who could be mailed, or was: contacts of the connections that have campaigns, unless a last e-mail consent there says no,
-- and everybody who was sent something in the period. An unstated consent does not take anybody out. A platform with a
-- consent for each of its lists (email/list:...) has said no when one of them did: the most restrictive state counts.
consent_states AS (
  SELECT
    c.connection AS connection,
    COALESCE(po.person, c.key_id) AS person,
    c.state AS state,
    ROW_NUMBER() OVER (PARTITION BY c.connection, c.key_id, c.channel ORDER BY c.number DESC) AS newest
  FROM consents AS c
  LEFT JOIN person_of AS po ON po.key_id = c.key_id
  WHERE c.channel = 'email' OR c.channel LIKE 'email/list:%'),
refusals AS (
  SELECT DISTINCT e.connection AS connection, e.person AS person
  FROM consent_states AS e
  WHERE e.newest = 1 AND e.state IN ('unsubscribed', 'not_subscribed', 'pending')),
mailing AS (SELECT DISTINCT c.connection AS connection FROM campaigns AS c),
known AS (
  SELECT c.connection AS connection, COALESCE(po.person, c.key_id) AS person
  FROM contacts AS c
  JOIN mailing AS m ON m.connection = c.connection
  LEFT JOIN person_of AS po ON po.key_id = c.key_id
  WHERE COALESCE(c.is_deleted, 0) = 0),
audience AS (
  SELECT k.person AS person
  FROM known AS k
  LEFT JOIN refusals AS r ON r.connection = k.connection AND r.person = k.person
  WHERE r.person IS NULL
  UNION
  SELECT s.person AS person FROM sends AS s)
