"""Do customers come back, and what are they worth: retention, frequency, lifespan, value by age, cohort and exposure.

All of it is read from two tables, `occasions` and `customers` (measure/occasions.py). A purchase is a shop day with an order
that counts; money is the dated ledger.
"""

from __future__ import annotations

from typing import Final

from persync.measure.metric import Metric
from persync.measure.value.cohorts import cohort_retention, cohort_value
from persync.measure.value.cut import DIMENSIONS
from persync.measure.value.lifetime import cltv_historic, cltv_simple, customer_lifespan
from persync.measure.value.lift import cltv_lift
from persync.measure.value.predicted import cltv_predictive
from persync.measure.value.repeat import next_order_gap, purchase_frequency, repeat_purchase_rate
from persync.measure.value.segments import cltv_by_segment
from persync.measure.value.wallet import share_of_wallet
from persync.measure.value.winback import reactivation_rate
from persync.measure.value.windows import churn_rate, retention_improvement, retention_rate

_ORDERS: Final = ("orders", "order_of", "order_ledger", "person_of")
_COSTED: Final = (*_ORDERS, "order_lines", "unit_costs")
_MARGIN: Final = (
    "The margin form takes net revenue times the shop's margin: `report.margin` where it is set, else that of the unit costs"
    " known; with neither null, no_unit_cost. Revenue and margin are never added up."
)
_END: Final = "Orders that name nobody and orders dated in the future are left out and counted in the note."

METRICS: tuple[Metric, ...] = (
    Metric(
        "retention_rate",
        "Retention rate",
        "Of the customers who ordered in one window, the share who ordered again in the next one, for the last two windows that"
        " are over. A window is the median time between two orders of a customer (7 to 365 days), or `value.window_days`; it"
        " stands in the note, and beside it the median with those still waiting (`next_order_gap`) where that is longer.",
        "customers active in window t who order in window t + 1 ÷ customers active in window t",
        "share",
        retention_rate,
        number="35",
        dimensions=DIMENSIONS,
        compares_arms=True,
        edge_cases=f"Two windows not over yet: null, immature. Nobody active: null, no_denominator. {_END}",
        data=_ORDERS,
    ),
    Metric(
        "retention_improvement",
        "Change in retention",
        "Retention after the programme began (`value.started`) less retention before; without that date, of the last pair of"
        " windows less that of the pair before. Beside it retention of the customers who got personalised mail (level 2 and"
        " above) in window t less that of those who got other mail only: the mail of the window before counts, never that of"
        " the window in which they might have come back.",
        "retention after − retention before; retention personalised − retention generic",
        "share",
        retention_improvement,
        number="36",
        dimensions=DIMENSIONS,
        edge_cases="Both are raw differences. No windows wholly before or after: null, immature. Nobody in one of the groups:"
        " null, no_exposure. Newcombe's interval takes the two windows' customers as independent.",
        data=(*_ORDERS, "touchpoints", "campaign_levels"),
    ),
    Metric(
        "churn_rate",
        "Churn rate",
        "1 − retention over the same windows. Where people have the attributes contract_start and contract_end (days), also"
        " `contract_churn`: contracts that ended in the last window over those running when it began.",
        "1 − retention",
        "share",
        churn_rate,
        number="37",
        dimensions=DIMENSIONS,
        compares_arms=True,
        edge_cases="As retention_rate. Without a contract nobody says that they leave: who does not order in time is taken for"
        " lost and may come back.",
        data=(*_ORDERS, "attributes"),
    ),
    Metric(
        "repeat_purchase_rate",
        "Repeat purchase rate",
        "The share of the period's customers who bought on two days or more; and `repeat_within`, of first-time buyers at least"
        " W days old the share whose second purchase came within W days of the first. W is `value.repeat_days`, 90.",
        "customers with two purchases or more ÷ customers",
        "share",
        repeat_purchase_rate,
        number="38",
        dimensions=DIMENSIONS,
        compares_arms=True,
        edge_cases=f"Orders of one shop day are one purchase. First-time buyers younger than W days are left out; nobody old"
        f" enough: null, immature. {_END}",
        data=_ORDERS,
    ),
    Metric(
        "purchase_frequency",
        "Purchase frequency",
        "Purchases a buyer and year, over the asked period or the last 365 days; other lengths are turned into a year's.",
        "days with a purchase ÷ buyers, a year",
        "a year",
        purchase_frequency,
        number="39",
        dimensions=DIMENSIONS,
        compares_arms=True,
        edge_cases="Fewer than 28 days of orders: null, immature. No buyers: null, no_denominator.",
        data=_ORDERS,
    ),
    Metric(
        "customer_lifespan",
        "Customer lifespan",
        "The years a customer stays: the window of churn_rate over the churn in it, at most `value.lifespan_cap_years` (5)."
        " Where contracts are known also `contract_tenure`, their mean age, ended or running.",
        "window ÷ churn rate",
        "years",
        customer_lifespan,
        number="40",
        dimensions=DIMENSIONS,
        edge_cases="Nobody left: null, longer_than_observed. The cap stands in the note. Bootstrap interval, customers drawn.",
        data=(*_ORDERS, "attributes"),
    ),
    Metric(
        "cltv_simple",
        "Customer lifetime value, simple",
        "Average purchase value × purchases a year × lifespan, over the last 365 days or the period; as revenue"
        f" (net unless the report is gross), and as margin in `cltv_simple_margin`. {_MARGIN}",
        "purchase value × frequency × lifespan (× margin)",
        "money",
        cltv_simple,
        number="41",
        dimensions=DIMENSIONS,
        edge_cases="Nobody left: null, longer_than_observed. Several currencies: null, mixed_currencies. It takes every year"
        " to be like the last and is not discounted. Bootstrap interval, customers drawn.",
        data=_COSTED,
    ),
    Metric(
        "cltv_historic",
        "Customer lifetime value, historic",
        "What customers really brought: revenue of the dated ledger a customer, to date and to the age of 30, 60, 90, 180 and"
        " 365 days from the first order, of customers at least that old; as margin in `cltv_historic_margin`. With a period: of"
        f" customers whose first order lies in it. {_MARGIN}",
        "revenue to the age ÷ customers at least as old",
        "money",
        cltv_historic,
        number="42",
        dimensions=DIMENSIONS,
        edge_cases=f"Nobody as old: null, immature. Refunds count when they happened. Bootstrap interval, customers drawn."
        f" {_END}",
        data=_COSTED,
    ),
    Metric(
        "cltv_predictive",
        "Customer lifetime value, predicted",
        "Revenue expected of the average customer in the next `value.horizon_months` (12): purchases by BG/NBD (or Pareto/NBD,"
        " `value.model`) times what each is worth by Gamma-Gamma, cash at month ends, discounted at `value.discount` a year"
        " (10 %), turned into the month's rate. Times are weeks, told from dates. Beside it the same as margin"
        " (`cltv_predictive_margin`), the purchases expected (`orders_expected`), the share of customers still active"
        " (`customers_active`) and how far the same model, fitted to what was known half a year ago, missed what came since"
        " (`cltv_backtest` for purchases, `cltv_backtest_money` for revenue, undiscounted: predicted ÷ came − 1)."
        f" {_MARGIN}",
        "sum over months of expected purchases × expected value ÷ (1 + r)^month",
        "money",
        cltv_predictive,
        number="43",
        dimensions=DIMENSIONS,
        edge_cases="Fewer than `value.min_repeat_buyers` (200) customers with a repeat purchase: the cohort curve stands in"
        " (what older customers brought at each age), the note says so, and the others are null, too_few_repeat_buyers. The"
        " interval is the average customer's, from the fit (delta method). Who bought once has everybody's purchase value."
        " How often and how much must not go together: a correlation above 0.3 is said. Split by a dimension, the fit is that"
        " of all customers.",
        data=_COSTED,
    ),
    Metric(
        "cltv_by_segment",
        "Customer lifetime value by segment",
        "The historic (at the greatest age that two segments have reached), simple and predicted value of each segment, side by"
        " side; by the month of the first order unless a dimension is named.",
        "as cltv_historic, cltv_simple, cltv_predictive",
        "money",
        cltv_by_segment,
        number="44",
        dimensions=DIMENSIONS,
        edge_cases="Small segments are hidden. p is that of each segment against all others, adjusted for their number (Holm).",
        data=_COSTED,
    ),
    Metric(
        "cltv_lift",
        "Value by exposure, at equal age",
        "Revenue to the age of 30 to 365 days of customers who had personalised mail (level 2 and above) by their first order,"
        " less that of those who had other mail only by then; `cltv_lift_relative` is the same as a share. With --arm"
        " EXPERIMENT: of its arms from the draw on, buyers or not.",
        "value exposed − value not exposed, at equal age",
        "money",
        cltv_lift,
        number="45",
        dimensions=("arm",),
        edge_cases="Exposure is fixed at or before age zero. Where personalised mail came only after the first order the"
        " comparison is refused: null, immortal_time, for it goes to those who stayed. Nobody exposed: null, no_exposure. A"
        " draw without a day: null, no_date. Without an experiment a raw difference. Bootstrap interval, customers drawn.",
        data=(*_ORDERS, "touchpoints", "campaign_levels", "assignments"),
        options={"arms": "own"},
    ),
    Metric(
        "cohort_retention",
        "Retention by cohort",
        "Of the customers whose first order fell into a month, the share who ordered in month k after it.",
        "customers of the cohort with an order in month k ÷ customers of the cohort",
        "share",
        cohort_retention,
        number="46",
        dimensions=DIMENSIONS,
        edge_cases="A month not over: null, immature; months to come are not there. Small cohorts are hidden.",
        data=_ORDERS,
    ),
    Metric(
        "cohort_value",
        "Value by cohort",
        "What the customers of a first-order month brought by the end of month k, a customer; as margin in"
        " `cohort_value_margin`; and `payback_month`, the first month by whose end the margin a customer passes what it cost"
        f" to win one (cac). {_MARGIN}",
        "revenue to the end of month k ÷ customers of the cohort",
        "money",
        cohort_value,
        number="47",
        dimensions=DIMENSIONS,
        edge_cases="A month not over is not there. No cost of winning a customer: null, no_cac. Not paid back in the months"
        " seen: null, not_yet. Several currencies: null, mixed_currencies. Bootstrap interval, customers drawn.",
        data=(*_COSTED, "costs"),
    ),
    Metric(
        "share_of_wallet",
        "Share of wallet",
        "What customers spent here of what they say to spend on the category everywhere, over the days they said it for.",
        "spend here ÷ spend everywhere, of those who told it",
        "share",
        share_of_wallet,
        number="48",
        dimensions=DIMENSIONS,
        edge_cases="Nobody told (persync import wallet FILE): null, no_wallet; it is never guessed. Who spends more here than"
        " they said to spend at all is counted in the note. Days not over: left out.",
        data=("wallets", *_ORDERS),
    ),
    Metric(
        "reactivation_rate",
        "Reactivation rate",
        "Of customers without an order for `value.dormant_days` (180) who were sent a message, the share who ordered within"
        " `value.winback_days` (30) of it; `value.winback` names the messages that count, else every one does. Net of a holdout"
        " in `reactivation_difference`: of those dormant when an experiment began, arm less control.",
        "dormant customers contacted who order in time ÷ dormant customers contacted",
        "share",
        reactivation_rate,
        number="49",
        dimensions=DIMENSIONS,
        edge_cases="The days after the message not over: left out, and when that is everybody: null, immature. No experiment"
        " with a control: the difference is null, no_holdout.",
        data=(*_ORDERS, "touchpoints", "assignments"),
    ),
    Metric(
        "next_order_gap",
        "Days to the next order",
        "The median days from a purchase to the customer's next one, with those still waiting counted for as long as they have"
        " waited (Kaplan and Meier).",
        "day at which half have come back",
        "days",
        next_order_gap,
        number="50",
        dimensions=DIMENSIONS,
        edge_cases="Over half have not come back: null, not_reached, with the days watched. Bootstrap interval, customers"
        " drawn.",
        data=_ORDERS,
    ),
)
