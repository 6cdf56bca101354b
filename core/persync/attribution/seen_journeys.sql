-- What a shop's own journeys say e-mail earned, one row an order: those whose last visit that was not direct, as the shop itself
-- saw it in the 30 days before, came by e-mail. It claims what was sold, as the shop's own report does. A visit that a click
-- of the mail platform stands for elsewhere is a visit here.
WITH visits AS (
    SELECT
        o.order_id,
        t.channel,
        ROW_NUMBER() OVER (PARTITION BY o.order_id ORDER BY t.happened_at DESC, t.channel, t.ordinal) AS place
    FROM claim_people AS o
    JOIN touches AS t ON t.person = o.person
    WHERE t.connection = :connection
        AND t.action = 9
        AND t.reason NOT IN ('machine', 'scanner')
        AND t.channel <> 'direct'
        AND t.happened_at <= o.ordered_at
        AND t.happened_at >= o.ordered_at - 2592000000
)
SELECT
    o.order_id,
    o.in_period * o.sold_minor AS claimed_minor,
    o.in_period * o.sold_minor AS most_minor,
    (1 - o.in_period) * o.sold_minor AS elsewhere_minor
FROM visits AS v
JOIN claim_orders AS o ON o.order_id = v.order_id
WHERE v.place = 1 AND v.channel = 'email' AND o.connection = :connection AND o.sold_minor <> 0
