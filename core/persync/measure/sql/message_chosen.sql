-- Who was sent a message, and when it was first sent at all.
chosen AS (
  SELECT s.person AS person, MIN(s.sent_at) AS sent_at
  FROM sends AS s
  WHERE s.campaign_id = :message
  GROUP BY s.person),
begun AS (SELECT MIN(c.sent_at) AS first_at FROM chosen AS c)
