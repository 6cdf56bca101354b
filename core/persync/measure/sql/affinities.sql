-- What each person had bought most pieces of before a moment: the kind of product, else its name; 'mixed' where two are level.
bought AS (
  SELECT
    n.at AS at,
    d.person AS person,
    COALESCE(NULLIF(u.kind, ''), NULLIF(u.title, ''), l.product, l.sku) AS thing,
    SUM(COALESCE(l.quantity, 1)) AS pieces
  FROM moments AS n
  JOIN dated_orders AS d ON d.ordered_at < n.at AND d.ended_at >= n.at
  JOIN order_lines AS l ON l.order_key = d.order_key
  LEFT JOIN products AS u ON u.connection = d.connection AND u.product = l.product
  WHERE COALESCE(l.is_gift_card, 0) = 0 AND COALESCE(NULLIF(u.kind, ''), NULLIF(u.title, ''), l.product, l.sku) IS NOT NULL
  GROUP BY n.at, d.person, COALESCE(NULLIF(u.kind, ''), NULLIF(u.title, ''), l.product, l.sku)),
favoured AS (
  SELECT
    b.at AS at,
    b.person AS person,
    b.thing AS thing,
    RANK() OVER (PARTITION BY b.at, b.person ORDER BY b.pieces DESC) AS place
  FROM bought AS b),
affinities AS (
  SELECT v.at AS at, v.person AS person, CASE WHEN COUNT(*) > 1 THEN 'mixed' ELSE MIN(v.thing) END AS thing
  FROM favoured AS v
  WHERE v.place = 1
  GROUP BY v.at, v.person),
popular AS (
  SELECT y.thing AS thing
  FROM (
    SELECT x.thing AS thing, ROW_NUMBER() OVER (ORDER BY x.people DESC, x.thing) AS place
    FROM (SELECT z.thing AS thing, COUNT(DISTINCT z.person) AS people FROM affinities AS z GROUP BY z.thing) AS x) AS y
  WHERE y.place <= 12),
