SELECT
  e.word AS word,
  CAST(SUM(e.is_first) AS BIGINT) AS firsts,
  CAST(SUM(e.is_last) AS BIGINT) AS lasts,
  COUNT(DISTINCT e.customer) AS people
FROM (
  SELECT s.word_1 AS word, 1 AS is_first, 0 AS is_last, s.customer AS customer FROM shaped AS s
  UNION ALL
  SELECT s.last_word AS word, 0 AS is_first, 1 AS is_last, s.customer AS customer FROM shaped AS s) AS e
GROUP BY e.word
