per_person AS (
  SELECT
    x.person AS person/*columns*/,
    CAST(COUNT(*) AS BIGINT) AS delivered,
    CAST(SUM(CASE WHEN c.person IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS clicked
  FROM sliced AS x
  LEFT JOIN bounced AS b ON b.person = x.person AND b.campaign_id = x.campaign_id
  LEFT JOIN clickers AS c ON c.person = x.person AND c.campaign_id = x.campaign_id
  WHERE b.person IS NULL
  GROUP BY x.person/*grouping*/)
