"""The sandbox server: over real sockets on loopback, with the settings and secrets that lead to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from persync.errors import ConfigError, PluginError
from persync.hookspecs import Sandbox
from persync.sandbox.demo import make_world
from persync.sandbox.faults import Fault, Schedule
from persync.sandbox.server import running, serve, world_from, write_config
from persync.sandbox.world import World


def app(world: World) -> Starlette:
    async def people(request: Request) -> JSONResponse:
        return JSONResponse({"count": len(world.people), "path": request.url.path, "agent": request.headers["user-agent"]})

    return Starlette(routes=[Route("/3.0/people", people)])


def settings(world: World, base_url: str) -> Mapping[str, Any]:
    return {"attributes": {"vip": 'asked "in person"'}}


def secrets(world: World) -> Mapping[str, str]:
    return {"MAILCHIMP_API_KEY": f"{world.secret[:32]}-us1"}


SANDBOX = Sandbox("mailchimp", "mailchimp", app, settings, secrets)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(5, people=120)


def test_each_sandbox_answers_under_its_own_name(world: World, tmp_path: Path) -> None:
    with running(world, {"mailchimp": SANDBOX}, folder=tmp_path) as info:
        base = info["connections"]["mailchimp"]["base_url"]
        good = httpx.get(f"{base}/3.0/people", headers={"user-agent": "t"})
        unknown = httpx.get(base.replace("/mailchimp", "/nobody"))

    assert base.startswith("http://127.0.0.1:")
    assert good.json() == {"count": 120, "path": "/mailchimp/3.0/people", "agent": "t"}
    assert unknown.status_code == 404


def broken(*_: object) -> Any:
    raise ValueError("no luck")


@pytest.mark.parametrize("part", ["app", "settings", "secrets"])
def test_a_sandbox_that_raises_is_left_out_and_the_others_are_served(world: World, tmp_path: Path, part: str) -> None:
    bad = replace(SANDBOX, name="bad", **{part: broken})
    told: list[str] = []

    with running(world, [bad, SANDBOX], folder=tmp_path, leave_out=lambda problem: told.append(str(problem))) as info:
        answer = httpx.get(info["connections"]["mailchimp"]["base_url"] + "/3.0/people", headers={"user-agent": "t"})

    assert (answer.status_code, list(info["connections"])) == (200, ["mailchimp", "files"] if world.files else ["mailchimp"])
    assert told == ["the sandbox 'bad' cannot be served: ValueError."]
    with pytest.raises(PluginError, match="'bad' cannot be served"), running(world, [bad]):
        pass


def test_the_server_says_where_everything_is(world: World, tmp_path: Path) -> None:
    with running(world, [SANDBOX], folder=tmp_path) as info:
        base = info["connections"]["mailchimp"]["base_url"]

    assert json.loads(json.dumps(info)) == {
        "connections": {
            "mailchimp": {
                "connector": "mailchimp",
                "base_url": base,
                "attributes": {**world.attributes["mailchimp"], "vip": 'asked "in person"'},
            },
            "files": {"connector": "files", "files": [{"kind": "costs", "path": str(tmp_path / "costs.csv")}]},
        },
        "secrets": {"MAILCHIMP_API_KEY": f"{world.secret[:32]}-us1"},
        "truth": str(tmp_path / "truth.json"),
    }
    assert json.loads((tmp_path / "truth.json").read_text()) == json.loads(json.dumps(world.truth))
    assert (tmp_path / "costs.csv").read_text() == world.files["costs.csv"]


def test_the_port_is_free_again_after_the_block(world: World) -> None:
    with running(world, [SANDBOX]) as info:
        port = int(info["connections"]["mailchimp"]["base_url"].split(":")[2].split("/")[0])
        truth = Path(info["truth"])
        assert truth.exists()

    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert not truth.exists()


def test_faults_reach_the_client_as_they_would_from_a_vendor(
    world: World, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    schedule = Schedule(Fault("too_many", retry_after=2), Fault("reset", after=1), Fault("truncated", after=2))
    with running(world, [SANDBOX], folder=tmp_path, faults=schedule) as info:
        url = f"{info['connections']['mailchimp']['base_url']}/3.0/people"
        limited = httpx.get(url)
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(url)
        cut = httpx.get(url)
        good = httpx.get(url)

    assert (limited.status_code, limited.headers["retry-after"]) == (429, "2")
    with pytest.raises(ValueError):
        cut.json()
    assert good.json()["count"] == 120
    assert capfd.readouterr() == ("", "")


def test_the_written_project_leads_back_to_the_server(world: World, tmp_path: Path) -> None:
    info = {
        "connections": {
            "mailchimp": {"connector": "mailchimp", "base_url": "http://127.0.0.1:1/mailchimp", "start": "2026-01-01"}
        },
        "secrets": {"MAILCHIMP_API_KEY": 'a"b\\c-us1'},
        "truth": "truth.json",
    }
    path = write_config(tmp_path, world, info)

    assert path == tmp_path / "persync.toml"
    assert tomllib.loads(path.read_text()) == {
        "store": {"path": "persync.db"},
        "connections": {
            "mailchimp": info["connections"]["mailchimp"],  # type: ignore[index]
            "files": {"connector": "files", "files": [{"kind": "costs", "path": "costs.csv"}]},
        },
        "experiments": world.experiments,
        "ethics": {"prices": {"right_choice": 12.0, "choice": 0.05}},
    }
    assert tomllib.loads((tmp_path / "persync.secrets.toml").read_text()) == info["secrets"]
    assert stat.S_IMODE((tmp_path / "persync.secrets.toml").stat().st_mode) == 0o600
    assert "us1" not in path.read_text()
    assert (tmp_path / "costs.csv").read_text() == world.files["costs.csv"]


def test_a_project_is_written_anew_but_never_over_somebody_elses(world: World, tmp_path: Path) -> None:
    info = {"connections": {}, "secrets": {"A": "1"}, "truth": ""}
    write_config(tmp_path, world, info)
    write_config(tmp_path, world, {**info, "secrets": {"A": "2"}})
    assert tomllib.loads((tmp_path / "persync.secrets.toml").read_text()) == {"A": "2"}

    (tmp_path / "persync.toml").write_text("[store]\n")
    with pytest.raises(ConfigError, match="already there"):
        write_config(tmp_path, world, info)
    with pytest.raises(ConfigError, match="already there"):
        serve(world, [SANDBOX], config_dir=tmp_path)
    assert (tmp_path / "persync.toml").read_text() == "[store]\n"


def test_a_taken_port_is_named(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ConfigError, match=f"port {port} cannot be used"):
            serve(world, [SANDBOX], port=port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_one_line_and_ends_cleanly_with_the_number_of_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from persync.hookspecs import Sandbox; "
        "from persync.sandbox.demo import make_world; from persync.sandbox.server import serve; "
        "from starlette.applications import Starlette; "
        "box = Sandbox('shopify', 'shopify', lambda w: Starlette(), "
        "lambda w, u: {'shop': w.shop_domain}, lambda w: {'T': 's'}); "
        "sys.exit(serve(make_world(1, people=60), [box], port=0, config_dir=Path(sys.argv[1])))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    try:
        info = json.loads(process.stdout.readline())
        answer = httpx.get(info["connections"]["shopify"]["base_url"] + "/x")
        process.send_signal(number)
        rest, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()

    assert answer.status_code == 404
    assert (process.returncode, rest, errors) == (number, "", "")
    assert info["connections"]["shopify"]["shop"] == "nordlicht-demo.myshopify.com"
    assert tomllib.loads((tmp_path / "persync.toml").read_text())["connections"]["shopify"] == info["connections"]["shopify"]


def test_worlds_go_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown world 'demos'. Did you mean 'demo'\?"):
        world_from("demos", 7)
    with pytest.raises(ConfigError, match=r"Valid: demo, hillstrom=FILE\."):
        world_from("xyz", 7)
    with pytest.raises(ConfigError, match=r"needs its file"):
        world_from("hillstrom", 7)
    with pytest.raises(ConfigError, match=r"there is no file"):
        world_from(f"hillstrom={tmp_path / 'none.csv'}", 7)
