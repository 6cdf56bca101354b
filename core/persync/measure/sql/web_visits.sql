-- The visits of the period that a web analytics tool counted; `visitor` is who is known to have come, else the visit itself.
-- A visit of one page without anything further is a bounce, where the tool did not say.
web_visits AS (
  SELECT
    COALESCE(po.person, s.key_id) AS person,
    COALESCE(CAST(COALESCE(po.person, s.key_id) AS VARCHAR(40)), CAST(s.connection AS VARCHAR(20)) || '/' || s.session) AS visitor,
    s.started_at AS started_at,
    COALESCE(LOWER(s.source), 'unknown') AS source,
    COALESCE(LOWER(s.medium), 'unknown') AS medium,
    COALESCE(s.campaign, 'unknown') AS campaign,
    COALESCE(LOWER(s.device), 'unknown') AS device,
    COALESCE(LOWER(s.experience), 'unknown') AS experience,
    CASE WHEN LOWER(s.medium) IN ('email', 'e-mail', 'mail', 'newsletter') THEN 1 ELSE 0 END AS is_email,
    CASE WHEN s.medium IS NULL AND s.source IS NULL THEN 0 ELSE 1 END AS is_tagged,
    s.pages AS pages,
    s.seconds AS seconds,
    COALESCE(s.is_bounced, CASE WHEN s.pages = 1 THEN 1 WHEN s.pages > 1 THEN 0 END) AS is_bounced,
    s.is_converted AS is_converted
  FROM sessions AS s
  LEFT JOIN person_of AS po ON po.key_id = s.key_id
  WHERE s.started_at >= :from_at AND s.started_at < :to_at)
