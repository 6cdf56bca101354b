-- Who could be mailed, or was: contacts of the connections that have campaigns, unless their last e-mail consent there
-- says no, and everybody who was sent something in the period. An unstated consent does not take anybody out.
consent_states AS (
  SELECT
    c.connection AS connection,
    c.key_id AS key_id,
    c.state AS state,
    ROW_NUMBER() OVER (PARTITION BY c.connection, c.key_id ORDER BY c.number DESC) AS newest
  FROM consents AS c
  WHERE c.channel = 'email'),
mailing AS (SELECT DISTINCT c.connection AS connection FROM campaigns AS c),
audience AS (
  SELECT COALESCE(po.person, c.key_id) AS person
  FROM contacts AS c
  JOIN mailing AS m ON m.connection = c.connection
  LEFT JOIN consent_states AS e ON e.connection = c.connection AND e.key_id = c.key_id AND e.newest = 1
  LEFT JOIN person_of AS po ON po.key_id = c.key_id
  WHERE COALESCE(c.is_deleted, 0) = 0
    AND COALESCE(e.state, 'unknown') NOT IN ('unsubscribed', 'not_subscribed', 'pending')
  UNION
  SELECT s.person AS person FROM sends AS s)
