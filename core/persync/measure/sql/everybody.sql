-- Everybody the store knows: each key is a person's.
everybody AS (
  SELECT DISTINCT po.person AS person
  FROM person_of AS po)
