-- Who got at least one message of the period that did not bounce.
reached AS (
  SELECT DISTINCT s.person AS person
  FROM sends AS s
  LEFT JOIN bounced AS b ON b.person = s.person AND b.campaign_id = s.campaign_id
  WHERE b.person IS NULL)
