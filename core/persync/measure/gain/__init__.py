"""What it cost and what came back beyond an experiment's own return: hours, winning customers, money over months, service,
programmes, and all of it together."""

from __future__ import annotations

from typing import Final

from persync.measure.gain.arrival import DIMENSIONS as ARRIVAL
from persync.measure.gain.arrival import activation_rate, time_to_value
from persync.measure.gain.before import cro_before_after
from persync.measure.gain.cashflow import payback_period, roi_dcf
from persync.measure.gain.ethical import ethical_roi
from persync.measure.gain.holistic import proxy_value, roi_holistic
from persync.measure.gain.hours import employee_productivity, roi_with_time_savings, time_savings
from persync.measure.gain.programmes import cx_roi, loyalty_programme_effect, loyalty_roi
from persync.measure.gain.service import operational_efficiency, support_ticket_volume
from persync.measure.gain.winning import cac, cac_reduction, roas_email
from persync.measure.metric import Metric
from persync.measure.value.cut import DIMENSIONS

_ORDERS: Final = ("orders", "order_of", "order_ledger", "person_of")
_GAIN: Final = ("assignments", "memberships", "orders", "order_ledger", "costs")
_MIXED: Final = "Several currencies without a rate: null, mixed_currencies."

METRICS: tuple[Metric, ...] = (
    Metric(
        "cro_before_after",
        "Conversion before and after",
        "Conversion in the weeks after the programme began (`value.started`, else the goal's start) less that before: of visits"
        " where an imported file tells which converted, else of people mailed in a week who ordered within 7 days. With 8 whole"
        " weeks on each side the level and trend before are carried on and taken off (interrupted time series, Newey-West"
        " errors), with two years also a yearly wave; the raw difference stands beside it.",
        "conversion after − conversion expected from before; conversion after − before",
        "share",
        cro_before_after,
        number="27",
        edge_cases="Fewer than 8 weeks on a side, or weeks without anybody: the raw difference alone, with a warning. No start"
        " set: null, no_start; a start to come: null, immature. Nobody on a side: null, no_denominator.",
        data=("sessions", "touchpoints", *_ORDERS),
    ),
    Metric(
        "cac",
        "Cost of winning a customer",
        "Advertising for acquisition over customers whose first order fell into the period, however they came; by channel over"
        " those whose last click or visit in the look-back days (30) before the first order was of it. Without a period: from"
        " the first advertising on.",
        "advertising for acquisition ÷ new customers",
        "money",
        cac,
        number="52",
        dimensions=("channel",),
        edge_cases="No advertising entered: null, no_ad_spend (`persync import ads`); none in the period: null,"
        " no_ad_spend_in_period. Nobody won: null, no_denominator. A period not over: null, immature. The spend is taken as"
        f" known, the number won as Poisson. {_MIXED}",
        data=("ad_spend", "touchpoints", *_ORDERS),
    ),
    Metric(
        "cac_reduction",
        "Fall in the cost of winning a customer",
        "What winning a customer cost before the programme began (`value.started`) less what it cost after, and the same as a"
        " share of the cost before (`cac_reduction_relative`), over as many days before as after where so many are known.",
        "cost before − cost after; 1 − cost after ÷ cost before",
        "money",
        cac_reduction,
        number="53",
        edge_cases="A raw difference: seasons and the price of advertising are in it. No start set, or no advertising from"
        f" before it: null, no_start. Nobody won on a side: null, no_denominator. {_MIXED}",
        data=("ad_spend", *_ORDERS),
    ),
    Metric(
        "roi_with_time_savings",
        "Return with hours saved",
        "Incremental gain (margin where one is set, else revenue, as the note says) and the hours saved in the same days, at"
        " their loaded rate times `costs.realised_share` (1), less the cost, over the cost, for each experiment. Beside it an"
        " average month on hours alone: hours saved a week times 52/12 (or 4, `costs.month`) against the cost a month.",
        "(gain + hours saved × rate × realised share − cost) ÷ cost",
        "share",
        roi_with_time_savings,
        number="56",
        edge_cases="No time sheet: null, no_time_sheet; no rate: null, no_hourly_rate; no cost: null, no_cost. The interval is"
        f" the gain's; hours on a time sheet have none. {_MIXED}",
        data=(*_GAIN, "work_times"),
    ),
    Metric(
        "time_savings",
        "Hours saved",
        "Hours that tasks took before less hours with the tool, and their worth at the hourly rate with on-cost"
        " (`time_savings_value`): in the period, a week (each task over the weeks it was written down for) and a month of 52/12"
        " weeks (or 4, `costs.month`). A line that lies partly in the period counts by its days.",
        "Σ (hours before − hours after) × rate",
        "hours",
        time_savings,
        number="57",
        dimensions=("task",),
        edge_cases="Negative where the tool takes longer. No time sheet: null, no_time_sheet; no hours before or after: null,"
        f" no_hours_before; no rate in the file or in `costs.hourly_rate`: no money, no_hourly_rate. {_MIXED}",
        data=("work_times",),
    ),
    Metric(
        "roi_holistic",
        "Return, everything together",
        "Direct gain of the tests, what those treated brought after the tests' days (value lift to the greatest age known, less"
        " the direct part, which lies in it: nothing is counted twice), cheaper customers since the start, hours and tickets"
        " saved in the same days, and the proxies that are on, less the cost of these days, over it. Without proxies"
        " in `roi_holistic_tangible`; each"
        " part in `holistic_part`, a proxy that is off with 0.",
        "(direct + retention + acquisition + operating + proxies − cost) ÷ cost",
        "share",
        roi_holistic,
        number="59",
        edge_cases="A part that is not known counts as nothing and is named. No part known: null, nothing_measured. No cost:"
        " null, no_cost. The interval is the direct part's alone. With a raw difference or a proxy in it the sum has no causal"
        f" label. {_MIXED}",
        data=(*_GAIN, "ad_spend", "work_times", "tickets"),
    ),
    Metric(
        "proxy_value",
        "Worth of intangibles, by proxy",
        "What the user's own price makes of an intangible: a quantity told in [costs.proxies.NAME], or read from a metric,"
        " times `each`. Every proxy names the source of its price, and a row in which it is worth nothing stands beside it.",
        "quantity × price of one",
        "money",
        proxy_value,
        number="60",
        edge_cases="Off unless `on = true`: null, proxies_off. The metric it is read from has no value: null with that reason.",
        data=("settings",),
    ),
    Metric(
        "roi_dcf",
        "Discounted long-term value",
        "For each experiment the value today of the gain less the running cost a month, as in the days of the test, taken to go"
        " on for `costs.horizon_months` (24), less the set-up cost (category setup) paid at once. Discounted at"
        " `costs.discount` a year (10 %), compounded monthly. Beside it undiscounted (`roi_dcf_undiscounted`), the internal"
        " rate of return (`roi_dcf_irr`, a year) and the month it has paid back discounted (`roi_dcf_payback`).",
        "Σ (benefit − cost) ÷ (1 + r) ^ (t / 12), t in months",
        "money",
        roi_dcf,
        number="61",
        edge_cases="No rate at which it is worth nothing: null, no_irr; several: null, several_irr; one above"
        " 100,000,000 % a year, or below -99.99 %: null, irr_beyond. Not paid back within the"
        " horizon: null, not_within_horizon. No day the test began: null, no_date. The interval is the gain's.",
        data=_GAIN,
    ),
    Metric(
        "operational_efficiency",
        "Operating efficiency",
        "Cost to serve a customer (tickets × `costs.handling_cost` ÷ customers who ordered), tickets for 100 orders, staff"
        " hours of the time sheet a campaign sent, and the share of sends that automations made. By `when`: before and after"
        " the programme began.",
        "each over its own base",
        "ratio",
        operational_efficiency,
        number="62",
        dimensions=("when",),
        edge_cases="No tickets: null, no_tickets; no handling cost set: null, no_handling_cost; no time sheet: null,"
        " no_time_sheet; nothing sent or ordered: null, no_denominator. Before and after is a raw difference.",
        data=("tickets", "work_times", "campaigns", "touchpoints", *_ORDERS),
    ),
    Metric(
        "support_ticket_volume",
        "Support tickets",
        "Tickets for 100 active customers a month; active: ordered within `value.dormant_days` (180) before the end. Beside it"
        " the change of all tickets against the period before, and their cost at `costs.handling_cost`.",
        "100 × tickets of active customers ÷ active customers ÷ months",
        "ratio",
        support_ticket_volume,
        number="63",
        dimensions=DIMENSIONS,
        edge_cases="No tickets known: null, no_tickets. No period: no change, no_period. Nobody active: null, no_denominator.",
        data=("tickets", *_ORDERS),
    ),
    Metric(
        "time_to_value",
        "Time to first value",
        "The median days from sign-up to the first order, or to the life-cycle stage `costs.value_event`, with those still"
        " waiting counted for as long as they have waited (Kaplan and Meier).",
        "day at which half have got there",
        "days",
        time_to_value,
        number="64",
        dimensions=ARRIVAL,
        edge_cases="Over half have not got there: null, not_arrived. Nobody new: null, no_denominator; no contacts read: null,"
        " no_contacts. Whoever had ordered before signing up is left out.",
        data=("contacts", "stages", "consents", *_ORDERS),
    ),
    Metric(
        "activation_rate",
        "Activation",
        "Of the people who signed up in the period, at least `costs.activation_days` (30) ago, the share who placed their first"
        " order (or reached `costs.value_event`) within as long.",
        "new people who got there in time ÷ new people old enough",
        "share",
        activation_rate,
        number="65",
        dimensions=ARRIVAL,
        edge_cases="Nobody old enough: null, immature. No contacts read: null, no_contacts.",
        data=("contacts", "stages", "consents", *_ORDERS),
    ),
    Metric(
        "employee_productivity",
        "Productivity",
        "Pieces made (campaigns, tickets, orders: the time sheet's output) an hour of staff time, by task.",
        "output ÷ hours",
        "an hour",
        employee_productivity,
        number="66",
        dimensions=("task",),
        edge_cases="No time sheet: null, no_time_sheet; no output told: null, no_output; no hours: null, no_denominator.",
        data=("work_times",),
    ),
    Metric(
        "roas_email",
        "Return on advertising for the list",
        "Revenue of the `costs.ads_days` (90) days after sign-up of subscribers whose source is a channel advertised"
        " on (purpose list or promotion), over what it cost; the same of margin (`roas_email_margin`); and the ratio at which"
        " it pays for itself (`roas_email_break_even`, 1 ÷ margin).",
        "revenue of these subscribers ÷ advertising",
        "ratio",
        roas_email,
        number="67",
        dimensions=("channel",),
        edge_cases="No such advertising: null, no_ad_spend. Nobody old enough: null, immature. Nothing or less spent: null,"
        f" not_a_cost. No margin known: null, no_unit_cost. Credited, not caused. {_MIXED}",
        data=("ad_spend", "contacts", "consents", *_ORDERS),
    ),
    Metric(
        "cx_roi",
        "Return on customer experience",
        "Change of mean survey answers since the programme began (`cx_change`, by survey), at the user's own price of a point"
        " (`costs.scores`), less the costs of the scope cx, over them.",
        "(Σ change × price of a point − cost) ÷ cost",
        "share",
        cx_roi,
        number="68",
        edge_cases="A raw difference. No price set: null, unpriced, with the changes. No answers: null, no_survey; none before"
        " or after: null, no_start. No costs of the scope cx: null, no_cost.",
        data=("feedback", "costs"),
    ),
    Metric(
        "loyalty_roi",
        "Return on the loyalty programme",
        "Margin of the orders that members (`costs.loyalty` names the attribute) place over what others place, at members'"
        " order value, less the costs of the scope loyalty, over them.",
        "(extra orders × order value × margin − cost) ÷ cost",
        "share",
        loyalty_roi,
        number="69",
        edge_cases="A raw difference: members choose to join. Referrals and wallet share are not in it, and named. No attribute"
        " set: null, no_loyalty_attribute; no margin: null, no_unit_cost; no costs of the scope: null, no_cost.",
        data=("attributes", "costs", *_ORDERS),
    ),
    Metric(
        "loyalty_programme_effect",
        "Members against others",
        "How members differ from other buyers of the last year or the period: retention, orders, revenue and margin a customer,"
        " margin net of the costs of the scope loyalty; and the difference in revenue taken apart into order value, orders a"
        " customer and both together (`loyalty_revenue_split`).",
        "mean of members − mean of others",
        "mixed",
        loyalty_programme_effect,
        number="69b",
        edge_cases="A raw difference: members choose to join. Holm over those shown. No attribute set: null,"
        " no_loyalty_attribute; nobody on a side: null, no_denominator.",
        data=("attributes", "costs", *_ORDERS),
    ),
    Metric(
        "ethical_roi",
        "Return on ethics",
        "Not one number, but parts, each as its own metric computes it: what ethics work cost (scope or category ethics),"
        " complaints and unsubscribes, cost_of_harm, the fines as entered, revenue_by_consent, value_exchange, trust_index and"
        " the change of trust, and what an audit answered.",
        "none",
        "mixed",
        ethical_roi,
        number="70",
        edge_cases="The whole is always null, not_one_number. A part without data is null with its own metric's reason. That"
        " fines were avoided nobody can measure, so they are as entered; customers kept by trust: null, not_measured.",
        data=("costs", "touchpoints", "consents", "consent_changes", "feedback", "attributes", "order_discounts", *_ORDERS),
    ),
    Metric(
        "payback_period",
        "Payback",
        "For each experiment the months until what it brings in, at its average month, reaches what it cost in all.",
        "first month with gain a month × months ≥ cost",
        "months",
        payback_period,
        number="72",
        edge_cases="Not within `costs.horizon_months` (24): null, not_within_horizon. No day the test began: null, no_date. No"
        " cost: null, no_cost. The interval is the gain's: its upper end open where the lowest gain never pays back.",
        data=_GAIN,
    ),
)
