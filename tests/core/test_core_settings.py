"""persync.toml: typed, with line, table and the nearest right word for every mistake."""

from __future__ import annotations

import types
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, get_args

import pytest

from persync import hookimpl
from persync.connect.connector import ConnectionSettings, Connector
from persync.errors import AuthError, ConfigError, PluginError
from persync.imports.files import FilesConnector, FilesSettings
from persync.measure.fairness.directions import MEANS, RATES
from persync.measure.fairness_settings import FairnessSettings
from persync.measure.metric import Ask, Experiment
from persync.plugins import Host, load_plugins
from persync.settings import load_project, make_connector, parse_period
from persync.settings.fairness import MEASURES
from persync.store.store import open_store

DAY = 86_400_000
MARCH_1 = 1_740_787_200_000


class ShopSettings(ConnectionSettings):
    shop: str
    pages: int = 10


class Shop(Connector):
    name = "till"
    title = "Till"
    settings_type = ShopSettings
    secrets: ClassVar = {"token": "TILL_TOKEN", "client_secret": "TILL_SECRET"}
    help = "Ask the till."


@hookimpl
def persync_connectors() -> Iterator[type[Connector]]:
    yield Shop


@pytest.fixture(scope="module")
def host() -> Host:
    plugin = types.ModuleType("till_plugin")
    plugin.persync_connectors = persync_connectors  # type: ignore[attr-defined]
    return load_plugins([plugin], installed=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path()


def refusal(folder: Path, host: Host, text: str) -> str:
    (folder / "persync.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_project(folder, host)
    assert caught.value.exit_code == 2
    return str(caught.value)


TILL = '[connections.shop]\nconnector = "till"\nshop = "mine"\n'


def test_a_project_is_read_whole(folder: Path, host: Host) -> None:
    (folder / "persync.toml").write_text(
        '[store]\npath = "data/mine.db"\n'
        '[report]\nmargin = 0.4\ncurrency = "EUR"\ntimezone = "Europe/Berlin"\nlookback_days = 14\n'
        '[shops]\naliases = { "old.example.com" = "mine.example.com" }\n' + TILL + 'token_env = "MY_TOKEN"\n'
        '[connections.own]\nconnector = "files"\nfiles = [{ kind = "costs", path = "costs.csv" }]\n'
        '[experiments.welcome]\ntags = { a = "welcome:a", b = "welcome:b" }\ncontrol = "b"\nfrom = 2025-03-01\ndays = 14\n'
        "holdout = true\nplanned_shares = { a = 0.9, b = 0.1 }\n"
        '[jobs.nightly]\nat = "02:15"\npull = ["shop"]\nreport = [{ out = "r.html" }]\n'
        'checks = [{ metric = "revenue", min = 1, by = ["channel"] }]\n'
    )

    project = load_project(folder, host)

    assert project.store_path == Path("data/mine.db")
    assert project.connections == {
        "shop": ShopSettings(connector="till", shop="mine"),
        "own": FilesSettings.model_validate(
            {"connector": "files", "files": [{"kind": "costs", "path": "costs.csv"}], "folder": folder}
        ),
    }
    assert project.secret_names == {"shop": {"token": "MY_TOKEN", "client_secret": "TILL_SECRET"}, "own": {}}
    welcome = Experiment(
        name="welcome",
        tags={"a": "welcome:a", "b": "welcome:b"},
        control="b",
        since=MARCH_1 - DAY // 24,
        days=14,
        planned_shares={"a": 0.9, "b": 0.1},
        holdout=True,
    )
    assert project.experiments == {"welcome": welcome}
    assert project.ask(5, "2025-03-01..2025-03-02", by=("channel",)) == Ask(
        now=5,
        period=(MARCH_1 - DAY // 24, MARCH_1 + 2 * DAY - DAY // 24),
        by=("channel",),
        currency="EUR",
        timezone="Europe/Berlin",
        lookback_days=14,
        experiments={"welcome": welcome},
        margin=0.4,
    )
    job = project.jobs["nightly"]
    assert (job.at, job.pull, job.report[0].form(), job.checks[0].by) == ("02:15", ["shop"], "html", ["channel"])
    assert project.facts()["connections"] == {"shop": "till", "own": "files"}


def test_without_a_file_everything_has_its_default(folder: Path, host: Host) -> None:
    project = load_project(folder, host)

    assert (project.store_path, project.connections, project.has_file) == (Path("persync.db"), {}, False)
    assert project.ask(1) == Ask(now=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[store]\npath = "x\n', "line 2, column 10: this is not valid TOML: illegal character '\\n'."),
        ("[stoer]\n", "line 1: there is no table 'stoer'. Did you mean 'store'?"),
        ("margin = 0.4\n", "line 1: there is no table 'margin'. "),
        ("report = 3\n", "line 1: 'report' must be a table. Write [report]."),
        ("[report]\nmargn = 0.4\n", "line 2, [report]: 'margn' is not a setting here. Did you mean 'margin'?"),
        (
            '[jobs.nightly]\nnotify = ["owner"]\n',
            "line 2, [jobs.nightly]: 'notify': a table is wanted here. Write { to = ... }.",
        ),
        ("[jobs.nightly]\nreport = [1]\n", "line 2, [jobs.nightly]: 'report': a table is wanted here. Write { out = ... }."),
        (
            "[report]\nrates = { KWD = 1e-13 }\n",
            "line 2, [report]: 'rates.KWD': input should be greater than or equal to 0.000001.",
        ),
        ("[report]\nmargin = 1.4\n", "line 2, [report]: 'margin': input should be less than or equal to 1."),
        (
            '[report]\ntimezone = "Europe/Berln"\n',
            "line 2, [report]: there is no time zone 'Europe/Berln'. Did you mean 'Europe/Berlin'?",
        ),
        (TILL + "pagse = 3\n", "line 4, [connections.shop]: 'pagse' is not a setting here. Did you mean 'pages'?"),
        (TILL + 'tokn_env = "X"\n', "line 4, [connections.shop]: 'tokn_env' is not a setting here. Did you mean 'token_env'?"),
        (TILL + 'pages = "many"\n', "line 4, [connections.shop]: 'pages': input should be a valid integer"),
        ('[connections.shop]\nconnector = "till"\n', "line 1, [connections.shop]: 'shop' is missing. Add shop = ..."),
        ('[connections.shop]\nshop = "x"\n', "line 1, [connections.shop]: the connector is missing. Write connector = "),
        (
            '[connections.shop]\nshop = "x"\nconector = "till"\n',
            "line 3, [connections.shop]: 'conector' is not a setting here. Did you mean 'connector'?",
        ),
        (
            '[attribution]\nbasis = "net"\n[attribution.weights.mine]\nfrist = [1.0]\n',
            "line 4, [attribution.weights.mine]: 'frist' is not a setting here. Did you mean 'first'?",
        ),
        (
            '# one\n\n[connections.shop]\nconnector = "tlil"\n',
            "line 4, [connections.shop]: there is no connector 'tlil'. Did you mean 'till'?",
        ),
        ('[connections."a:b"]\nconnector = "till"\n', "line 1, [connections.a:b]: 'a:b' cannot name a connection."),
        (
            '[connections.files]\nconnector = "till"\nshop="x"\n',
            "line 1, [connections.files]: the name 'files' is kept for imported files.",
        ),
        (
            '[connections.own]\nconnector = "files"\nfiles = [{ kind = "costs" }]\n',
            "line 3, [connections.own]: 'path' is missing.",
        ),
        (
            '[connections.own]\nconnector = "files"\nfiles = [{ knid = "costs", path = "x" }]\n',
            "line 3, [connections.own]: 'knid' is not a setting here. Did you mean 'kind'?",
        ),
        (
            '[connections.shop]\nconnector = "till"\nshpo = "mine"\n',
            "line 3, [connections.shop]: 'shpo' is not a setting here. Did you mean 'shop'?",
        ),
        (
            '[connections.own]\nconnector = "files"\nfiles = [{ kind = "costs", path = "x", pth = "x" }]\n',
            "line 3, [connections.own]: 'pth' is not a setting here. Did you mean 'path'?",
        ),
        ('[experiments.x]\nform = "2025"\n', "line 2, [experiments.x]: 'form' is not a setting here. Did you mean 'from'?"),
        ('[experiments.x]\nfrom = "next week"\n', "line 2, [experiments.x]: 'from' is not a date. Write from = 2025-03-01"),
        ('[jobs.night]\nat = "25:00"\n', "line 2, [jobs.night]: 'at': string should match pattern"),
        (
            '[jobs.night]\nreport = [{ out = "x", formt = "html" }]\n',
            "line 2, [jobs.night]: 'formt' is not a setting here. Did you mean 'format'?",
        ),
    ],
)
def test_every_mistake_has_its_place_and_the_nearest_right_word(folder: Path, host: Host, text: str, message: str) -> None:
    assert refusal(folder, host, text).startswith(f"persync.toml, {message}")


@pytest.mark.parametrize("key", ["token", "client_secret", "api_key", "access_token", "password", "Secret", "key"])
def test_a_secret_in_the_file_is_refused_and_not_repeated(folder: Path, host: Host, key: str) -> None:
    message = refusal(folder, host, TILL + f'{key} = "hush-hush"\n')

    assert message.startswith(
        f"persync.toml, line 4, [connections.shop]: '{key}' is a secret, and secrets never stand in this file. Take it out,"
    )
    assert "TILL_" in message
    assert "hush" not in message


@pytest.mark.parametrize("value", ['"shpat_0123abcd"', '"hush-hush"', "7"])
def test_a_secret_in_place_of_a_variables_name_is_refused_and_not_repeated(folder: Path, host: Host, value: str) -> None:
    message = refusal(folder, host, TILL + f"token_env = {value}\n")

    assert "'token_env' must name an environment variable in capitals, like TILL_TOKEN." in message
    assert value.strip('"') not in message.replace("line 4", "")


def test_a_password_in_an_address_is_refused(folder: Path, host: Host) -> None:
    message = refusal(folder, host, TILL + 'base_url = "https://me:hush@example.com"\n')

    assert "'base_url' has a user or password in its address" in message
    assert "hush" not in message


@pytest.mark.parametrize("end", ["?shop=1", "#top", "/v1?"])
def test_an_address_with_a_query_or_fragment_is_refused(folder: Path, host: Host, end: str) -> None:
    message = refusal(folder, host, TILL + f'base_url = "https://example.com{end}"\n')

    assert "[connections.shop]: 'base_url' has a query or a fragment; paths are put behind it." in message


def test_a_connector_whose_plugin_failed_is_said_to_have_failed(folder: Path) -> None:
    broken = load_plugins(installed=False)
    broken.refuse("till", "persync-till", "1.0", "it cannot be imported: No module named 'tills'")

    (folder / "persync.toml").write_text(TILL + '[connections.own]\nconnector = "files"\n')

    project = load_project(folder, broken)

    with pytest.raises(PluginError) as caught:
        make_connector(project, broken, "shop")
    assert str(caught.value) == (
        "shop: the connector 'till' cannot be used: plugin 'till' (persync-till 1.0): it cannot be imported: No module named"
        " 'tills'. Update it or install it anew; `persync plugins list` shows what is used."
    )
    assert (project.names, list(project.connections)) == (("own", "shop"), ["own"])
    assert make_connector(project, broken, "own").connection == "own"


def test_a_plugin_that_failed_and_is_called_unlike_its_connector_puts_its_connections_aside_alone(folder: Path) -> None:
    """Nobody knows what a plugin would have offered that failed: an unknown word may be its, and the rest goes on."""
    broken = load_plugins(installed=False)
    broken.refuse("suite", "persync-suite", "1.0", "it cannot be imported: no luck")
    (folder / "persync.toml").write_text(TILL + '[connections.own]\nconnector = "files"\n')

    project = load_project(folder, broken)

    assert (project.names, list(project.connections)) == (("own", "shop"), ["own"])
    assert str(project.broken["shop"]) == (
        "shop: there is no connector 'till'. It may be of plugin 'suite' (persync-suite 1.0): it cannot be imported: no luck."
        " Valid: files. Update it or install it anew; `persync plugins list` shows what is used."
    )


def test_a_plugin_whose_other_hook_failed_hides_no_connector(folder: Path) -> None:
    def persync_metrics() -> list[object]:
        raise ValueError("later")

    lame = types.ModuleType("lame_plugin")
    lame.persync_metrics = hookimpl(persync_metrics)  # type: ignore[attr-defined]
    host = load_plugins([lame], installed=False)
    assert len(host.failures) == 1

    assert "there is no connector 'till'." in refusal(folder, host, TILL)


def test_a_connector_that_two_plugins_offer_puts_its_connections_aside_alone(folder: Path, host: Host) -> None:
    rival = types.ModuleType("rival_plugin")
    rival.persync_connectors = persync_connectors  # type: ignore[attr-defined]
    both = load_plugins([host.plugins[0].module, rival], installed=False)
    (folder / "persync.toml").write_text(TILL + '[connections.own]\nconnector = "files"\n')

    project = load_project(folder, both)

    assert list(project.connections) == ["own"]
    assert "its connector 'till' clashes with the one of 'rival_plugin'; neither is used." in str(project.broken["shop"])


def test_a_connector_that_trips_over_its_settings_is_its_plugins_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch, host: Host
) -> None:
    def trip(self: Shop, *given: object) -> None:
        raise KeyError("hush")

    monkeypatch.setattr(Shop, "__init__", trip)
    monkeypatch.setenv("TILL_TOKEN", "t1")
    (folder / "persync.toml").write_text(TILL)

    with pytest.raises(PluginError, match=r"^shop: the connector 'till' failed: KeyError\. Update its plugin\.$"):
        make_connector(load_project(folder, host), host, "shop")


def test_a_file_that_is_not_utf8_says_so(folder: Path, host: Host) -> None:
    (folder / "persync.toml").write_bytes(b'[report]\nname = "K\xe4the"\n')

    with pytest.raises(ConfigError, match=r"^persync\.toml: the file is not UTF-8 text\.$"):
        load_project(folder, host)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, host: Host) -> None:
    with pytest.raises(ConfigError, match=r"nowhere: there is no such folder\."):
        load_project(tmp_path / "nowhere", host)


def test_a_connector_gets_the_secrets_that_were_found(folder: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "persync.toml").write_text(TILL + 'token_env = "MY_TOKEN"\n')
    project = load_project(folder, host)
    monkeypatch.delenv("TILL_SECRET", raising=False)
    monkeypatch.setenv("MY_TOKEN", "t1")

    connector = make_connector(project, host, "shop")

    assert (type(connector), connector.connection, connector.secret_values) == (Shop, "shop", {"token": "t1"})


def test_a_missing_secret_says_where_it_was_looked_for(folder: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "persync.toml").write_text(TILL)
    for name in ("TILL_TOKEN", "TILL_SECRET"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(AuthError) as caught:
        make_connector(load_project(folder, host), host, "shop")

    assert str(caught.value) == (
        "shop: no secret found: TILL_TOKEN or TILL_SECRET is not set, and neither persync.secrets.toml nor a keyring has it."
        " Ask the till. `persync connect till --guide` leads to a new one; `persync connect shop` takes it in."
    )
    assert caught.value.exit_code == 4


def test_an_unknown_connection_names_the_nearest(folder: Path, host: Host) -> None:
    (folder / "persync.toml").write_text(TILL)

    with pytest.raises(ConfigError, match=r"there is no connection 'shp'\. Did you mean 'shop'\?"):
        make_connector(load_project(folder, host), host, "shp")


def test_a_files_connection_knows_the_project(folder: Path, host: Host) -> None:
    (folder / "persync.toml").write_text(TILL + '[connections.own]\nconnector = "files"\n')

    with open_store(folder / "persync.db", create=True) as store, store.transaction() as db:
        db.execute("INSERT INTO connections (name, connector) VALUES ('earlier', 'till')")

    connector = make_connector(load_project(folder, host), host, "own")

    assert isinstance(connector, FilesConnector)
    assert connector.connections == {"shop", "own", "earlier"}
    assert set(connector.importers) == set(host.importers)


def test_the_time_zone_is_the_shops_unless_it_is_set(folder: Path, host: Host) -> None:
    with open_store(folder / "persync.db", create=True) as store, store.transaction() as db:
        db.execute("INSERT INTO connections (name, connector, timezone) VALUES ('a', 'mailer', 'Asia/Tokyo')")
        db.execute("INSERT INTO connections (name, connector, timezone, shop) VALUES ('b', 'till', 'Europe/Lisbon', 'mine')")

    assert load_project(folder, host).timezone == "Europe/Lisbon"
    (folder / "persync.toml").write_text('[report]\ntimezone = "Europe/Paris"\n')
    assert load_project(folder, host).timezone == "Europe/Paris"


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2025-03-01..2025-03-31", (0, 31)),
        ("2025-03-01", (0, 1)),
        ("2025-03", (0, 31)),
        ("2025-03..2025-04", (0, 61)),
        ("2025", (-59, 306)),
    ],
)
def test_a_period_includes_both_its_ends(text: str, days: tuple[int, int]) -> None:
    assert parse_period(text, "UTC") == (MARCH_1 + days[0] * DAY, MARCH_1 + days[1] * DAY)


def test_a_day_of_a_period_has_as_many_hours_as_the_clocks_give_it() -> None:
    """On 30 March 2025 Berlin's clocks went forward: the day has 23 hours."""
    start, end = parse_period("2025-03-30", "Europe/Berlin")

    assert (end - start) / 3_600_000 == 23


@pytest.mark.parametrize(
    "text", ["", "..", "march", "2025-13", "2025-02-30", "2025-03-01..", "2025-03-01...2025-03-05", "9999"]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a period"):
        parse_period(text, "UTC")


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ConfigError, match="ends before it begins"):
        parse_period("2025-03-02..2025-03-01", "UTC")


@pytest.mark.parametrize("value", ["[" * 3000 + "]" * 3000, "{a=" * 600 + "1" + "}" * 600, "9" * 5000])
def test_toml_that_the_parser_trips_over_is_refused_like_any_other(folder: Path, host: Host, value: str) -> None:
    assert refusal(folder, host, f"[report]\nmargin = {value}\n").startswith("persync.toml: this cannot be read as TOML: ")


def test_a_message_stays_on_its_line_and_has_an_end(folder: Path, host: Host) -> None:
    """A name may be of any length and hold anything; what is cut out is its middle."""
    said = refusal(folder, host, f'["a\\nb{"x" * 100_000}"]\n')

    assert said.isprintable()
    assert len(said) < 2000
    assert said.startswith("persync.toml: there is no table 'a bxxx")
    assert "xxx'. Valid: " in said


def test_attribution_says_what_a_journey_is_and_has_weights_of_its_own(folder: Path, host: Host) -> None:
    (folder / "persync.toml").write_text(
        '[attribution]\nkinds = ["click", "open"]\npath = "since_last_order"\nhalf_life_days = 3\n'
        "markov_order = 2\n"
        "[attribution.windows]\nopen = 2\n"
        "[attribution.weights.ends]\nfirst = [0.4]\nlast = [0.4]\nrest = 0.2\n"
        "[attribution.weights.mail]\nchannels = { email = 2.0 }\nother = 1.0\n"
        '[attribution.weights.fading]\nexpression = "1 / (1 + age_days)"\nsummary = "Mine."\n'
    )

    project = load_project(folder, host)

    mine = Ask(now=1, kinds=("click", "open"), windows={"open": 2}, path="since_last_order", markov_order=2)
    assert project.ask(1) == mine
    asked = project.ask(1, lookback_days=9, kinds=("visit",), path="window")
    assert asked == Ask(now=1, lookback_days=9, kinds=("visit",), markov_order=2)
    models = project.models(host.models)
    assert {name: models[name].summary for name in ("ends", "mail", "fading")} == {
        "ends": "Shares by position: [0.4] from the first, [0.4] to the last, 0.2 shared by those between.",
        "mail": "Weights by channel: email 2; any other 1.",
        "fading": "Mine.",
    }
    assert models["time_decay"].params == {"half_life_days": 3}
    assert project.models(host.models, 5)["time_decay"].params == {"half_life_days": 5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[attribution]\nkinds = ["clicks"]\n', "line 2, [attribution]: 'kinds': input should be 'click', 'visit', 'direct'"),
        ("[attribution.windows]\nopen = 0\n", "'windows.open': input should be greater than 0."),
        ("[attribution.weights.own]\n", "line 1, [attribution.weights.own]: 'own' has no weights."),
        ("[attribution.weights.own]\nrest = 1\nother = 1\n", "'own' has weights of two kinds: first, last and rest beside"),
        (
            '[attribution.weights.own]\nexpression = "age"\n',
            "[attribution.weights.own]: the weights 'own': a touch has no 'age'.",
        ),
        ("[attribution.weights.Own]\nrest = 1\n", "string should match pattern"),
    ],
)
def test_weights_that_cannot_be_used_have_their_place(folder: Path, host: Host, text: str, message: str) -> None:
    assert message in refusal(folder, host, text)


def test_the_table_on_ethics_is_read_and_what_it_cannot_mean_is_refused(tmp_path: Path, host: Host) -> None:
    (tmp_path / "persync.toml").write_text(
        '[ethics]\nopt_out_channels = ["permission/p1"]\nscales = { trust = [1, 7] }\nprices = { complaint = 5.0 }\n',
        encoding="utf-8",
    )
    ethics = load_project(tmp_path, host).ask(0).ethics

    assert (ethics.opt_out_channels, ethics.scales, ethics.prices) == (
        ("permission/p1",),
        {"trust": (1, 7)},
        {"complaint": 5.0},
    )
    for line, said in (("scales = { trust = [7, 1] }", "lowest answer"), ("prices = { complaints = 5.0 }", "complaint")):
        (tmp_path / "persync.toml").write_text(f"[ethics]\n{line}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=said):
            load_project(tmp_path, host)


def test_the_table_on_fairness_is_read_and_what_it_cannot_mean_is_refused(tmp_path: Path, host: Host) -> None:
    """Every measure with a direction of its own may be turned, and calibration and benefit, which have one way alone, not."""
    (tmp_path / "persync.toml").write_text(
        '[fairness]\ndirections = { mean_sends = "less" }\nburdens = ["a"]\nsegments = ["vip"]\nscores = { churn = 0.5 }\n',
        encoding="utf-8",
    )
    fairness = load_project(tmp_path, host).ask(0).fairness

    assert fairness == FairnessSettings({"mean_sends": "less"}, ("a",), ("vip",), {"churn": 0.5}, 30)
    assert set(get_args(MEASURES)) == {*RATES, *MEANS} - {"calibration", "benefit_difference"}
    for line, said in (
        ('directions = { mean_send = "less" }', "mean_sends"),
        ('directions = { mean_sends = "fewer" }', "less"),
        ("scores = { churned = 0.5 }", "churn"),
        ("window_days = 0", "greater than 0"),
    ):
        (tmp_path / "persync.toml").write_text(f"[fairness]\n{line}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=said):
            load_project(tmp_path, host)
