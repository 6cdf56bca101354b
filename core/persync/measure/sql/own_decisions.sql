-- What a segment or score of persync's own decided at the moment in `begun` about the people it is of (judged): who was selected,
-- with which score, and who ordered in the days after (bought), or for :stayed_away = 1 did not; null until these are over. In the columns of `decisions`.
SELECT
  0 AS connection,
  :decision AS decision,
  j.person AS key_id,
  b.first_at AS decided_at,
  j.selected AS selected,
  j.score AS score,
  CASE WHEN :is_over = 0 THEN NULL WHEN o.person IS NULL THEN :stayed_away ELSE 1 - :stayed_away END AS qualified
FROM judged AS j
CROSS JOIN begun AS b
LEFT JOIN bought AS o ON o.person = j.person
