"""The plugin host: real distributions on the path, one broken plugin never fatal, every clash naming both."""

from __future__ import annotations

import importlib
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from persync import __version__, hookimpl
from persync.attribution.models import MODELS, AttributionModel
from persync.attribution.registry import FITTED
from persync.errors import ConfigError
from persync.plugins import HOOKS, Failure, load_plugins

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution on the path as pip would: a module and a .dist-info folder with its entry points."""
    made: list[str] = []

    def put(distribution: str, points: dict[str, str], sources: dict[str, str]) -> None:
        info = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        lines = [f"{name} = {module}" for name, module in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[persync]", *lines]) + "\n")
        for module, source in sources.items():
            (tmp_path / f"{module}.py").write_text(source)
            made.append(module)
        importlib.invalidate_caches()

    monkeypatch.syspath_prepend(str(tmp_path))
    yield put
    for module in made:
        sys.modules.pop(module, None)


def model_plugin(name: str, hook: str = "persync_attribution_models") -> str:
    return (
        "from persync import hookimpl\n"
        "from persync.attribution.models import AttributionModel\n\n"
        "@hookimpl\n"
        f"def {hook}():\n"
        f'    yield AttributionModel("{name}", "A test model.", "1e0")\n'
    )


def test_the_three_vendors_are_found_through_entry_points_and_core_through_the_same_hooks() -> None:
    host = load_plugins()

    assert {"files", "hubspot", "mailchimp", "shopify"} <= set(host.connectors)
    assert {"hubspot", "mailchimp", "shopify"} <= set(host.sandboxes)
    assert [plugin.name for plugin in host.plugins if plugin.is_bundled] == ["hubspot", "mailchimp", "shopify"]
    assert list(host.models.values()) == sorted((*MODELS, *FITTED), key=lambda model: model.name)
    assert list(host.engines) == ["duckdb", "spark"]
    assert list(host.importers) == [
        "ads",
        "assignments",
        "attributes",
        "audit",
        "consents",
        "costs",
        "decisions",
        "orders",
        "outcomes",
        "people",
        "sessions",
        "social",
        "surveys",
        "time",
        "touchpoints",
        "wallet",
    ]
    assert host.metrics
    assert [section.order for section in host.sections.values()] == sorted(s.order for s in host.sections.values())


def test_core_alone_has_no_failure() -> None:
    assert load_plugins(installed=False).failures == []


def test_a_good_plugin_is_listed_with_what_it_offers(install: Install) -> None:
    install("persync-good", {"good": "good_plugin"}, {"good_plugin": model_plugin("even")})

    host = load_plugins()

    good = next(plugin for plugin in host.plugins if plugin.name == "good")
    assert (good.distribution, good.version, good.is_bundled) == ("persync-good", "1.2", False)
    assert host.offers(good) == {"models": ["even"]}
    assert host.models["even"].weight == "1e0"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise RuntimeError('no luck')", "it cannot be imported: RuntimeError: no luck"),
        ("import no_such_module", "it cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(3)", "it cannot be imported: SystemExit: 3"),
        ("def broken(:", "it cannot be imported: SyntaxError: invalid syntax (broken_plugin.py, line 1)"),
        (
            model_plugin("x", hook="persync_atribution_models"),
            "it implements 'persync_atribution_models', which is no hook. Did you mean 'persync_attribution_models'?",
        ),
        (
            model_plugin("x").replace("():", "(store):"),
            None,
        ),
        (
            "from persync import hookimpl\n\n@hookimpl\ndef persync_metrics():\n    raise ValueError('later')\n",
            "persync_metrics failed: ValueError: later",
        ),
        (
            "from persync import hookimpl\n\n@hookimpl\ndef persync_metrics():\n    yield 'revenue'\n",
            "it yields str where persync_metrics wants a metric.",
        ),
        (
            "from persync import hookimpl\n\n@hookimpl\ndef persync_connectors():\n    yield 'shop'\n",
            "it yields str where persync_connectors wants a connector.",
        ),
        (
            "from persync import hookimpl\nfrom persync.imports.files import FilesConnector, FilesSettings\n\n"
            "@hookimpl\ndef persync_connectors():\n"
            "    yield FilesConnector('x', FilesSettings(connector='files'), {})\n",
            "it yields FilesConnector where persync_connectors wants a connector.",
        ),
        (
            "from persync import hookimpl\nfrom persync.attribution.models import AttributionModel\n\n"
            "@hookimpl\ndef persync_attribution_models():\n    yield type('Mine', (AttributionModel,), {'name': 'x'})\n",
            "it yields type where persync_attribution_models wants an attribution model.",
        ),
    ],
)
def test_a_broken_plugin_is_a_failure_and_the_others_work(install: Install, source: str, reason: str | None) -> None:
    """Whatever goes wrong in one plugin, its name, distribution and reason are told, and nothing else is lost."""
    install("persync-broken", {"broken": "broken_plugin"}, {"broken_plugin": source})
    install("persync-good", {"good": "good_plugin"}, {"good_plugin": model_plugin("even")})

    host = load_plugins()

    failure = next(failure for failure in host.failures if failure.name == "broken")
    if reason is None:
        assert "store" in failure.reason
    else:
        assert failure == Failure("broken", "persync-broken", "1.2", reason)
    assert "even" in host.models
    assert "x" not in host.models
    assert "shopify" in host.connectors


def test_two_distributions_with_one_plugin_name_are_both_left_out(install: Install) -> None:
    install("persync-a", {"twin": "twin_a"}, {"twin_a": model_plugin("a")})
    install("persync-b", {"twin": "twin_b"}, {"twin_b": model_plugin("b")})

    host = load_plugins()

    assert [(f.name, f.distribution, f.reason) for f in host.failures if f.name == "twin"] == [
        ("twin", "persync-a", "the name is also used by a plugin of persync-b 1.2: uninstall one of them."),
        ("twin", "persync-b", "the name is also used by a plugin of persync-a 1.2: uninstall one of them."),
    ]
    assert not {"a", "b"} & set(host.models)


def test_a_stranger_cannot_take_the_name_of_a_bundled_plugin(install: Install) -> None:
    install("aaa-shop", {"shopify": "not_shopify"}, {"not_shopify": model_plugin("mine")})

    host = load_plugins()

    assert host.connectors["shopify"].__module__.startswith("persync_shopify")
    failure = Failure(
        "shopify", "aaa-shop", "1.2", f"the name is also used by a plugin of persync {__version__}: uninstall one of them."
    )
    assert failure in host.failures
    assert "mine" not in host.models


def test_two_strangers_who_offer_one_name_are_both_named_and_neither_is_used(install: Install) -> None:
    for letter in "abc":
        install(f"persync-{letter}", {letter: f"model_{letter}"}, {f"model_{letter}": model_plugin("even")})

    host = load_plugins()

    assert "even" not in host.models
    reasons = {failure.name: failure.reason for failure in host.failures if failure.name in "abc"}
    assert reasons["a"] == (
        "its attribution model 'even' clashes with the one of 'b' (persync-b 1.2); neither is used."
        " Leave one out with --without NAME."
    )
    assert "'a' (persync-a 1.2)" in reasons["b"]
    assert set(reasons) == {"a", "b", "c"}
    assert load_plugins(without=["a", "b"]).models["even"].summary == "A test model."


def test_a_name_that_core_offers_is_kept(install: Install) -> None:
    install("persync-mine", {"mine": "mine_plugin"}, {"mine_plugin": model_plugin("linear")})

    host = load_plugins()

    assert host.models["linear"] in MODELS
    assert (
        Failure(
            "mine",
            "persync-mine",
            "1.2",
            f"its attribution model 'linear' clashes with the one of 'attribution' (persync {__version__}), which is kept."
            " Leave one out with --without NAME.",
        )
        in host.failures
    )


def test_core_says_which_of_its_rooms_offers_what() -> None:
    host = load_plugins(installed=False)

    assert {room.name: list(host.offers(room)) for room in host.core} == {
        "attribution": ["models"],
        "engine": ["engines"],
        "imports": ["connectors", "importers"],
        "jobs": ["notifiers"],
        "measure": ["metrics"],
        "report": ["sections"],
    }


def test_plugins_can_be_left_out_by_name() -> None:
    host = load_plugins(without=["shopify"])

    assert "shopify" not in host.connectors
    assert "mailchimp" in host.connectors
    with pytest.raises(ConfigError, match=r"there is no plugin 'shopfy' to leave out\. Did you mean 'shopify'\?"):
        load_plugins(without=["shopfy"])


def test_a_plugin_handed_over_in_code_is_used_and_each_host_is_fresh() -> None:
    module = types.ModuleType("handed")

    @hookimpl
    def persync_attribution_models() -> Iterator[AttributionModel]:
        yield AttributionModel("handed", "A test model.", "1e0")

    module.persync_attribution_models = persync_attribution_models  # type: ignore[attr-defined]

    assert "handed" in load_plugins([module], installed=False).models
    assert "handed" not in load_plugins(installed=False).models


def test_settings_and_one_kind_do_not_load_the_others() -> None:
    """Whoever reads settings and asks for the connectors imports no metric, no section, no engine and no numpy."""
    text = (
        "import sys, persync.settings; from persync.plugins import load_plugins; load_plugins().connectors;"
        "others = ('persync.measure.registry', 'persync.report.registry', 'duckdb', 'numpy', 'scipy');"
        "print([m for m in others if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_every_hook_is_declared_and_collected() -> None:
    from persync import hookspecs

    assert set(HOOKS) == {name for name in hookspecs.__all__ if name.startswith("persync_")}


def test_one_module_under_two_names_stays_usable_under_the_first(install: Install) -> None:
    install("persync-good", {"good": "good_plugin", "goose": "good_plugin"}, {"good_plugin": model_plugin("even")})

    host = load_plugins()

    assert "even" in host.models
    assert [failure.name for failure in host.failures if failure.distribution == "persync-good"] == ["goose"]
