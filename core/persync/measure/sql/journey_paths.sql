SELECT
  s.word_1 AS word_1,
  s.word_2 AS word_2,
  s.word_3 AS word_3,
  s.word_4 AS word_4,
  s.word_5 AS word_5,
  CASE WHEN s.length > 5 THEN 1 ELSE 0 END AS is_longer,
  COUNT(*) AS orders,
  COUNT(DISTINCT s.customer) AS people
FROM shaped AS s
GROUP BY s.word_1, s.word_2, s.word_3, s.word_4, s.word_5, CASE WHEN s.length > 5 THEN 1 ELSE 0 END
