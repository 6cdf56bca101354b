-- Of each person: personalised messages delivered and clicked (dp, cp), generic ones (dg, cg).
clicks_by_side AS (
  SELECT
    s.person AS person,
    CAST(SUM(CASE WHEN s.level >= 2 THEN 1 ELSE 0 END) AS BIGINT) AS dp,
    CAST(SUM(CASE WHEN s.level >= 2 AND c.person IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS cp,
    CAST(SUM(CASE WHEN s.level <= 1 THEN 1 ELSE 0 END) AS BIGINT) AS dg,
    CAST(SUM(CASE WHEN s.level <= 1 AND c.person IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS cg
  FROM sends AS s
  LEFT JOIN bounced AS b ON b.person = s.person AND b.campaign_id = s.campaign_id
  LEFT JOIN clickers AS c ON c.person = s.person AND c.campaign_id = s.campaign_id
  WHERE b.person IS NULL AND s.level IS NOT NULL
  GROUP BY s.person)
