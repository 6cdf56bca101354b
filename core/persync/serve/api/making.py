"""How each answer of /api/v1 is made, by what its command makes it of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from persync.errors import ConfigError
from persync.jobs.answers import campaigns, fair, sent
from persync.jobs.answers.credited import credited
from persync.jobs.answers.explained import Orders, explained, explained_json, order_named, orders_with
from persync.jobs.answers.options import currency_in, models_in
from persync.jobs.answers.reconciled import claims, reconciled_json
from persync.jobs.answers.segmented import segment_json, segment_of, segments_json
from persync.jobs.answers.stood import schedule_json, stood
from persync.jobs.answers.trials import plans, readings
from persync.jobs.metric import compute, defined, estimates_json, listed
from persync.jobs.report import make_report
from persync.measure.fairness.directions import turned
from persync.report.render.estimates import document
from persync.serve.api.params import Asked, words
from persync.serve.diary import store_of
from persync.serve.filters import Filters
from persync.serve.views import metric_of

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask
    from persync.serve.site import Site


def computed(site: Site, asked: Asked, name: str, make: Callable[[Engine, Ask], str], **asks: Any) -> str:
    """Return what `make` gives for the period of a question, or gave before; `asks` goes into the question to the engine."""

    def made(engine: Engine, ask: Ask, _: object) -> tuple[str, tuple[str, ...]]:
        return make(engine, ask), tuple(asked.said)

    period = site.filters({"period": asked.period}).period
    text, said = site.answer(("api", name, asked.key), Filters(period=period), made, **asks)
    asked.said[:] = said
    return text


def metrics(site: Site, asked: Asked) -> str:
    return document("metrics", map(listed, site.host.metrics.values()))


def definition(site: Site, asked: Asked) -> str:
    return document("metric", [defined(metric_of(site, asked.path["id"], ()))])


def metric(site: Site, asked: Asked) -> str:
    return estimated(site, asked, asked.path["id"])


def estimated(site: Site, asked: Asked, id: str) -> str:
    """Return a metric's numbers, split and by arms as is asked."""
    by = words("by", asked)
    one = metric_of(site, id, by)

    def make(engine: Engine, ask: Ask) -> str:
        return estimates_json(compute(engine, one, ask), ask)

    return computed(site, asked, "metric", make, by=by, arm=asked["arm"])


def baseline(site: Site, asked: Asked) -> str:
    one = metric_of(site, "baseline", ())
    return computed(site, asked, "baseline", lambda engine, ask: estimates_json(one.compute(engine, ask), ask))


def report(site: Site, asked: Asked) -> str:
    def make(engine: Engine, ask: Ask) -> str:
        text, failed = make_report(site.host, site.project, engine, ask, "json", profile=asked["profile"])
        for section in failed:
            asked.said.append(f"the section '{section['section']}' is missing: {section['reason']}")
        return str(text).rstrip("\n")

    return computed(site, asked, "report", make)


def _journey(asked: Asked) -> dict[str, Any]:
    """Return what decides which touches are a journey's, as `Project.ask` takes it."""
    return {
        "lookback_days": asked["lookback"],
        "basis": asked["basis"],
        "currency": currency_in(asked["currency"]),
        "kinds": words("count", asked),
        "windows": dict(asked["window"]),
        "path": asked["path"] and asked["path"].replace("-", "_"),
    }


def attribution(site: Site, asked: Asked) -> str:
    models = models_in(asked["models"], site.host, site.project, asked["half_life"])

    def make(engine: Engine, ask: Ask) -> str:
        cost = asked["cost"] == "true"
        return credited(engine, site.host, ask, models, words("by", asked), cost=cost, tell=asked.said.append).as_json()

    return computed(site, asked, "attribution", make, reporting=asked["reporting"], **_journey(asked))


def _explained(site: Site, asked: Asked, orders: Orders) -> str:
    models = models_in(asked["models"], site.host, site.project, asked["half_life"])

    def make(engine: Engine, ask: Ask) -> str:
        return explained_json(explained(engine, site.host, ask, models, orders, tell=asked.said.append), ask)

    return computed(site, asked, "explained", make, **_journey(asked))


def order(site: Site, asked: Asked) -> str:
    return _explained(site, asked, order_named(asked.path["id"]))


def person(site: Site, asked: Asked) -> str:
    _refuse_address(asked.path["key"])
    with store_of(site) as store:
        key_ids = sent.person_keys(store, asked.path["key"], derived=True)
    return _explained(site, asked, orders_with(key_ids))


def send(site: Site, asked: Asked) -> str:
    if asked["key"] is not None:
        _refuse_address(asked["key"])
    with store_of(site) as store:
        message = sent.message_of(store, asked.path["id"], asked["key"], derived=True)
    return computed(site, asked, "send", lambda engine, ask: sent.sent_json(message, message.after(engine, ask)))


def _refuse_address(key: str) -> None:
    """Raise ConfigError for an e-mail address: what stands in a URL is kept in histories and in logs."""
    if "@" in key:
        text = "an e-mail address does not belong into a URL, which browsers and programs keep."
        raise ConfigError(text, hint="Name the person by CONNECTION:ID or an id of your own, or ask on the command line.")


def experiments(site: Site, asked: Asked) -> str:
    names = [asked.path["name"]] if "name" in asked.path else asked["name"]

    def make(engine: Engine, ask: Ask) -> str:
        return estimates_json(readings(engine, ask, names, tell=asked.said.append), ask)

    return computed(site, asked, "experiments", make)


def plan(site: Site, asked: Asked) -> str:
    return computed(site, asked, "plan", lambda engine, ask: estimates_json(plans(engine, ask, asked["name"]), ask))


def reconcile(site: Site, asked: Asked) -> str:
    def make(engine: Engine, ask: Ask) -> str:
        return reconciled_json((), claims(engine, ask, tell=asked.said.append), ask.period)

    return computed(site, asked, "reconcile", make)


def fairness(site: Site, asked: Asked) -> str:
    named = {name: asked[name] for name in ("decision", "segment", "score")}
    fair.refuse_several(**named)
    own = fair.own_of(asked["segment"], asked["score"], asked["threshold"])

    def make(engine: Engine, ask: Ask) -> str:
        ask = turned(ask, asked["direction"])
        more = {"attributes": asked["by"], "cross": asked["cross"], "decision": asked["decision"], "own": own}
        return estimates_json(fair.assessed(engine, ask, tell=asked.said.append, **more), ask)

    return computed(site, asked, "fairness", make)


def mitigate(site: Site, asked: Asked) -> str:
    fair.refuse_several(**{name: asked[name] for name in ("decision", "message", "segment", "score")})
    if asked["by"] is None:
        raise ConfigError("the parameter 'by' is missing: the attribute that makes the groups.", hint="Write by=ATTR.")
    own = fair.own_of(asked["segment"], asked["score"], asked["threshold"])
    prices = fair.prices_of(asked["gain"], asked["cost"])

    def make(engine: Engine, ask: Ask) -> str:
        found = fair.mitigated(
            engine,
            ask,
            asked["by"],
            decision=asked["decision"],
            message=asked["message"],
            own=own,
            direction=asked["direction"],
            prices=prices,
            unknown=asked["count_unknown"] == "true",
            tell=asked.said.append,
        )
        return estimates_json(found, ask)

    return computed(site, asked, "mitigate", make, currency=currency_in(asked["currency"]))


def decisions(site: Site, asked: Asked) -> str:
    with store_of(site) as store:
        return fair.decisions_json(store)


def segments(site: Site, asked: Asked) -> str:
    from persync.export.segments import segments as all_of

    def make(engine: Engine, ask: Ask) -> str:
        with store_of(site) as store:
            return segments_json(all_of(engine, store, ask))

    return computed(site, asked, "segments", make)


def segment(site: Site, asked: Asked) -> str:
    def make(engine: Engine, ask: Ask) -> str:
        with store_of(site) as store:
            return segment_json(*segment_of(engine, store, asked.path["name"], ask))

    return computed(site, asked, "segment", make)


def levels(site: Site, asked: Asked) -> str:
    with store_of(site) as store:
        chosen = campaigns.find_campaign(store.db, asked.path["campaign"]) if "campaign" in asked.path else None
        return document("levels", campaigns.read_levels(store.db, chosen))


def status(site: Site, asked: Asked) -> str:
    with store_of(site) as store:
        return stood(site.project, store.db, now=site.moment()).as_json(site.project)


def schedule(site: Site, asked: Asked) -> str:
    from persync.jobs.schedule.status import status_of

    return schedule_json(status_of(site.project, now=site.moment()))
