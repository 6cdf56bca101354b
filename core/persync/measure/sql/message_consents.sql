-- What consent stood behind each message of the period. A withdrawal holds for the list it was said to, and without one for
-- everything of its connection; what the user's own files say holds for every connection. Messages that need no
-- consent to be sent (a receipt, the question for a consent) are left out, and so are text messages.
campaign_lists AS (
  SELECT COALESCE(co.campaign_id, c.campaign_key) AS campaign_id, MAX(c.list) AS list, MAX(LOWER(c.kind)) AS kind
  FROM campaigns AS c
  LEFT JOIN campaign_of AS co ON co.campaign_key = c.campaign_key
  GROUP BY COALESCE(co.campaign_id, c.campaign_key)),
mailings AS (
  SELECT
    s.person AS person,
    s.campaign_id AS campaign_id,
    s.connection AS connection,
    s.last_sent_at AS last_sent_at,
    s.level AS level,
    COALESCE(l.list, '') AS list
  FROM sends AS s
  LEFT JOIN campaign_lists AS l ON l.campaign_id = s.campaign_id
  LEFT JOIN words AS w ON w.word = s.channel
  WHERE COALESCE(w.text, 'email') <> 'sms'
    AND COALESCE(l.kind, '') NOT IN (
      'transactional', 'smtp_token', 'single_send_api', 'marketing_single_send_api', 'optin_email', 'optin_followup_email',
      'resubscribe_email', 'ticket_email')),
own_files AS (SELECT n.connection AS connection FROM connections AS n WHERE n.connector = 'files'),
recorded AS (
  SELECT
    c.connection AS connection,
    COALESCE(po.person, c.key_id) AS person,
    c.channel AS channel,
    c.state AS state,
    COALESCE(c.level, '') AS basis,
    c.changed_at AS changed_at
  FROM consents AS c
  LEFT JOIN person_of AS po ON po.key_id = c.key_id
  WHERE c.channel = 'email' OR c.channel LIKE 'email/%'
  UNION ALL
  SELECT
    g.connection AS connection,
    COALESCE(po.person, g.key_id) AS person,
    g.channel AS channel,
    g.state AS state,
    '' AS basis,
    g.happened_at AS changed_at
  FROM consent_changes AS g
  LEFT JOIN person_of AS po ON po.key_id = g.key_id
  WHERE g.channel = 'email' OR g.channel LIKE 'email/%'),
said AS (
  SELECT
    r.connection AS connection,
    r.person AS person,
    CASE WHEN r.channel LIKE 'email/list:%' THEN SUBSTR(r.channel, 12) ELSE '' END AS list,
    r.changed_at AS happened_at,
    CASE WHEN r.state = 'unsubscribed' THEN 1 ELSE 0 END AS is_out
  FROM recorded AS r
  WHERE r.changed_at IS NOT NULL
    AND (r.state = 'subscribed' OR (r.state = 'unsubscribed'
      AND (r.channel = 'email' OR r.channel LIKE 'email/list:%' OR r.channel LIKE 'email/all%')))
  UNION ALL
  SELECT
    t.connection AS connection,
    COALESCE(po.person, t.key_id) AS person,
    CASE WHEN t.action = 6 THEN COALESCE(l.list, '') ELSE '' END AS list,
    t.happened_at AS happened_at,
    1 AS is_out
  FROM touchpoints AS t
  LEFT JOIN person_of AS po ON po.key_id = t.key_id
  LEFT JOIN campaign_of AS co ON co.campaign_key = t.campaign_key
  LEFT JOIN campaign_lists AS l ON l.campaign_id = COALESCE(co.campaign_id, t.campaign_key)
  WHERE t.action IN (6, 7)),
last_said AS (
  SELECT
    m.person AS person,
    m.campaign_id AS campaign_id,
    m.connection AS connection,
    MAX(CASE WHEN s.is_out = 1 THEN s.happened_at END) AS out_at,
    MAX(CASE WHEN s.is_out = 0 THEN s.happened_at END) AS in_at
  FROM mailings AS m
  JOIN said AS s ON s.person = m.person AND s.happened_at < m.last_sent_at
  LEFT JOIN own_files AS f ON f.connection = s.connection
  WHERE (s.connection = m.connection OR f.connection IS NOT NULL) AND (s.list = '' OR s.list = m.list)
  GROUP BY m.person, m.campaign_id, m.connection),
grounds AS (
  SELECT
    r.person AS person,
    CASE WHEN r.state = 'unsubscribed' THEN -4611686018427387904
      ELSE COALESCE(r.changed_at, -4611686018427387904) END AS from_at,
    CASE WHEN r.state = 'unsubscribed' THEN r.changed_at ELSE 4611686018427387904 END AS until_at,
    CASE
      WHEN r.state = 'pending' THEN 0
      WHEN r.basis LIKE 'confirmed%' THEN 7
      WHEN r.basis LIKE 'single%' THEN 6
      WHEN r.basis LIKE '%consent%' THEN 5
      WHEN r.basis LIKE 'implied%' THEN 4
      WHEN r.basis LIKE 'legitimate%' THEN 3
      WHEN r.basis LIKE '%contract%' OR r.basis LIKE 'performance%' THEN 2
      ELSE 1 END AS rank
  FROM recorded AS r
  WHERE r.state IN ('subscribed', 'pending') OR (r.state = 'unsubscribed' AND r.changed_at IS NOT NULL)),
ground AS (
  SELECT
    m.person AS person,
    m.campaign_id AS campaign_id,
    m.connection AS connection,
    MAX(CASE WHEN g.from_at <= m.last_sent_at AND g.until_at > m.last_sent_at THEN g.rank END) AS rank,
    MAX(CASE WHEN g.from_at > m.last_sent_at AND g.rank > 0 THEN 1 ELSE 0 END) AS is_later
  FROM mailings AS m
  JOIN grounds AS g ON g.person = m.person
  GROUP BY m.person, m.campaign_id, m.connection),
canadians AS (
  SELECT COALESCE(po.person, a.key_id) AS person
  FROM attributes AS a
  LEFT JOIN person_of AS po ON po.key_id = a.key_id
  WHERE a.name = 'country' AND UPPER(a.value) IN ('CA', 'CAN', 'CANADA')
  GROUP BY COALESCE(po.person, a.key_id)),
reasons_to_write AS (
  SELECT w.person AS person, o.ordered_at AS happened_at, 63072000000 AS lasts
  FROM money_orders AS o
  JOIN owned_orders AS w ON w.order_id = o.order_id
  WHERE o.is_counted = 1 AND o.ordered_at IS NOT NULL
  UNION ALL
  SELECT COALESCE(po.person, t.key_id) AS person, t.created_at AS happened_at, 15724800000 AS lasts
  FROM tickets AS t
  LEFT JOIN person_of AS po ON po.key_id = t.key_id
  WHERE t.created_at IS NOT NULL AND t.key_id IS NOT NULL),
implied AS (
  SELECT
    m.person AS person,
    m.campaign_id AS campaign_id,
    m.connection AS connection,
    MAX(r.happened_at + r.lasts) AS until_at
  FROM mailings AS m
  JOIN canadians AS c ON c.person = m.person
  JOIN reasons_to_write AS r ON r.person = m.person AND r.happened_at <= m.last_sent_at
  GROUP BY m.person, m.campaign_id, m.connection),
message_consents AS (
  SELECT
    m.person AS person,
    m.campaign_id AS campaign_id,
    m.connection AS connection,
    m.last_sent_at AS last_sent_at,
    m.level AS level,
    CASE WHEN d.out_at >= COALESCE(d.in_at, d.out_at) THEN d.out_at END AS withdrawn_at,
    CASE WHEN c.person IS NOT NULL THEN i.until_at END AS implied_until,
    CASE
      WHEN d.out_at >= COALESCE(d.in_at, d.out_at) THEN 'withdrawn'
      WHEN g.rank = 7 THEN 'confirmed opt-in'
      WHEN g.rank = 6 THEN 'single opt-in'
      WHEN g.rank = 5 THEN 'consent'
      WHEN g.rank = 1 THEN 'unstated'
      WHEN c.person IS NOT NULL AND i.until_at >= m.last_sent_at THEN 'implied'
      WHEN c.person IS NOT NULL AND i.until_at < m.last_sent_at THEN 'expired'
      WHEN c.person IS NULL AND g.rank = 4 THEN 'implied'
      WHEN c.person IS NULL AND g.rank = 3 THEN 'legitimate interest'
      WHEN c.person IS NULL AND g.rank = 2 THEN 'contract'
      WHEN g.rank = 0 THEN 'pending'
      WHEN g.is_later = 1 THEN 'recorded later'
      ELSE 'none' END AS state
  FROM mailings AS m
  LEFT JOIN last_said AS d ON d.person = m.person AND d.campaign_id = m.campaign_id AND d.connection = m.connection
  LEFT JOIN ground AS g ON g.person = m.person AND g.campaign_id = m.campaign_id AND g.connection = m.connection
  LEFT JOIN canadians AS c ON c.person = m.person
  LEFT JOIN implied AS i ON i.person = m.person AND i.campaign_id = m.campaign_id AND i.connection = m.connection)
