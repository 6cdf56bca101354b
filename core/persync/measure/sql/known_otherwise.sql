-- Whom of `bare`, the people decided about of whom none of the attributes asked for is known, the store knows from something
-- else: a contact, attribute, message or order of theirs.
bare_keys AS (
  SELECT b.person AS person, COALESCE(po.key_id, b.person) AS key_id
  FROM bare AS b
  LEFT JOIN person_of AS po ON po.person = b.person),
known AS (
  SELECT k.person AS person FROM contacts AS c JOIN bare_keys AS k ON k.key_id = c.key_id
  UNION ALL
  SELECT k.person AS person FROM attributes AS a JOIN bare_keys AS k ON k.key_id = a.key_id
  UNION ALL
  SELECT k.person AS person FROM orders AS o JOIN bare_keys AS k ON k.key_id = o.key_id
  UNION ALL
  SELECT k.person AS person FROM touchpoints AS t JOIN bare_keys AS k ON k.key_id = t.key_id)
