"""Whatever name somebody types: one that there is not has the nearest one that there is, on one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.cli.calls import OWN
from persync.cli import root
from persync.rows import Campaign, CampaignRef
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

SETTINGS = (
    f"{OWN}[jobs.nightly]\n[notify.owner]\nvia = 'webhook'\n[segments.regulars]\nmin_orders = 2\n"
    "[experiments.welcome]\ntags = { treated = 'a', control = 'b' }\ncontrol = 'control'\n"
)
FILES = {
    "assignments": "experiment,person,arm\n" + "".join(f"drawn,p{n},{'ab'[n % 2]}\n" for n in range(4)),
    "attributes": "person,name,value,basis\np1,country,DE,asked\np2,country,FR,asked\n",
    "decisions": "decision,person,selected\nvip,p1,1\nvip,p2,0\n",
    "orders": "order,person,at,amount,currency\n1,p1,2025-03-02,10.00,EUR\n",
    "outcomes": "person,outcome,value\np1,visit,1\n",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has something of every kind that goes by a name."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "persync.toml").write_text(SETTINGS)
    for kind, text in FILES.items():
        (folder / f"{kind}.csv").write_text(text)
        assert call(folder, "import", kind, str(folder / f"{kind}.csv")).exit_code == 0
    with open_store(folder / "persync.db") as store:
        writer = Writer(store, "news", "mailchimp", now=1)
        with store.transaction():
            writer.write([Campaign(CampaignRef(("id", "a1")), title="Spring", sent_at=1)])
        derive(store)
    assert call(folder, "lake", "add", str(folder), "--as", "mine").exit_code == 0
    return folder


def call(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["--project", str(folder), *arguments], prog_name="persync")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("pul", "pull"),
        ("experiment raed", "read"),
        ("export supression --for hubspot", "suppression"),
        ("export supression", "suppression"),
        ("report --perid 2025", "--period"),
        ("config show reprot", "report"),
        ("pull onw", "own"),
        ("metric click_rte", "ctr"),
        ("export lines", "order_lines"),
        ("reconcile onw", "own"),
        ("pull own --stream visits", ""),
        ("connect shop --connector shopfy", "shopify"),
        ("connect shopfy --guide", "shopify"),
        ("connect mailchimp --secret-stdin tokn", "token"),
        ("import costz x.csv", "costs"),
        ("tag Sprng 2", "Spring"),
        ("explain send Sprng", "Spring"),
        ("attribution --models liner", "linear"),
        ("explain order 1 --models liner", "linear"),
        ("attribution --by chanel", "channel"),
        ("attribution --engine duckbd", "duckdb"),
        ("experiment read drwn", "drawn"),
        ("experiment plan welcom", "welcome"),
        ("experiment assign welcom", "welcome"),
        ("experiment export welcom --for hubspot --list l.csv --out o.csv", "welcome"),
        ("experiment export drawn --arm aa --for hubspot --list l.csv --out o.csv", "a"),
        ("fairness --by contry", "country"),
        ("fairness --by country --decision vipp", "vip"),
        ("fairness mitigate --by contry --decision vip", "country"),
        ("fairness decide generic_mail --by country --because why --message Sprng", "Spring"),
        ("privacy audit --regime gdr", "gdpr"),
        ("privacy export-subject --id onw:1", "own"),
        ("lake remove mien", "mine"),
        ("metrics show ctrr", "ctr"),
        ("metric ctrr", "ctr"),
        ("metric ctr --by contry", "country"),
        ("metric ctr --arm drwn", "drawn"),
        ("export v_ordrs", "v_orders"),
        ("export ctrr", "ctr"),
        ("export segment regulrs --for hubspot --list l.csv --out o.csv", "regulars"),
        ("export suppression --for hubspt", "hubspot"),
        ("run nightl", "nightly"),
        ("schedule nightl --target cron", "nightly"),
        ("schedule nightly --target corn", "cron"),
        ("notify test ownr", "owner"),
        ("plugins check mailchmp", "mailchimp"),
        ("sandbox serve --world dmo", "demo"),
        ("sandbox serve --fault too_man", "too_many"),
        ("--without shopfy status", "shopify"),
    ],
)
def test_a_name_that_there_is_not_has_the_nearest_one(shop: Path, line: str, meant: str) -> None:
    result = call(shop, *line.split())

    said = result.stderr.strip().splitlines()[-1]
    assert result.exit_code in (1, 2), result.output
    assert result.stdout == ""
    if meant:
        assert f"'{meant}'" in said
        assert "Did you mean" in said
    else:
        assert "leave --stream out" in said


@pytest.mark.parametrize("line", ["run nightly", "schedule nightly --target cron"])
def test_where_there_is_no_job_it_says_how_to_write_one(tmp_path: Path, line: str) -> None:
    result = call(tmp_path, *line.split())

    assert result.stderr == "persync: there is no job 'nightly'. Write [jobs.NAME] in persync.toml.\n"


def test_settings_of_a_connection_that_is_there_are_not_taken_from_the_command(shop: Path) -> None:
    """They would be dropped without a word."""
    result = call(shop, "connect", "own", "--set", "files=x.csv")

    assert result.exit_code == 2
    assert result.stderr == (
        "persync: 'own' is in persync.toml already. Change its settings there, under [connections.own]; leave out --set.\n"
    )


def test_taking_a_store_out_of_a_lake_that_there_is_not_is_one_line(tmp_path: Path) -> None:
    result = call(tmp_path, "lake", "remove", "one")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"persync: there is no lake in {tmp_path / 'lake'}. Make one: ")


@pytest.mark.parametrize("line", ["config shwo", "repotr", "metric revenu"])
def test_the_nearest_name_is_said_once(shop: Path, line: str) -> None:
    """Click may say it too; a name's beginning is near enough."""
    result = call(shop, *line.split())

    assert result.exit_code == 2
    assert result.stderr.count("Did you mean") == 1
