"""`persync init`."""

from __future__ import annotations

import click

from persync.cli.base import Command
from persync.cli.context import App, pass_app

TEMPLATE = """\
# persync: what this project reads and how its numbers are meant. Secrets never stand in this file.

[store]
path = "persync.db"

[report]
# name = "My shop"
# margin = 0.4                  # gross margin as a share of net revenue, where unit costs are not known
# currency = "EUR"
# timezone = "Europe/Berlin"    # default: the shop's own

# Add connections with `persync connect NAME`, or by hand:
#
# [connections.shop]
# connector = "shopify"
# shop = "my-shop"              # my-shop.myshopify.com; its token is in SHOPIFY_ACCESS_TOKEN
#
# [connections.files]
# connector = "files"
# files = [{ kind = "costs", path = "costs.csv" }]

# [experiments.welcome]
# tags = { treated = "welcome:treated", control = "welcome:control" }
# control = "control"
# from = 2025-03-01
# days = 14

# [jobs.nightly]
# at = "03:30"
# pull = "all"
# report = [{ out = "report.html" }]
# checks = [{ metric = "delivery_rate", min = 0.95 }]
# notify = [{ to = "owner", attach = true }]
#
# [notify.owner]                # try it with `persync notify test`
# via = "email"                 # or slack, teams, discord, webhook: docs/jobs.md
# host = "smtp.example.com"
# user = "persync"              # its password is in SMTP_PASSWORD
# sender = "persync@example.com"
# to = ["owner@example.com"]
"""

IGNORED = ("persync.secrets.toml", "*.key", "*.db", "*.db-*", "*.lock", "*.mirror/", "*.job.json", "*.log")


@click.command(cls=Command)
@pass_app
def init(app: App) -> None:
    """Make a project in the folder of --project: persync.toml, the store and its key. What is there stays as it is."""
    from persync.settings import FILE
    from persync.store.key import key_path

    app.folder.mkdir(parents=True, exist_ok=True)
    settings = app.folder / FILE
    for path, text in ((settings, TEMPLATE), (app.folder / ".gitignore", "\n".join(IGNORED) + "\n")):
        is_new = not path.exists()
        if is_new:
            path.write_text(text, encoding="utf-8")
        app.say(f"{'made' if is_new else 'kept'} {path}")
    key = key_path(app.project.store_path)
    has_key = key.exists()
    with app.store(create=True) as store:
        app.say(f"{'kept' if has_key else 'made'} {store.path} and its key {key}")
    if not has_key:
        app.say(
            f"key: {key.read_text(encoding='ascii').strip()}\n"
            "Keep a copy of it elsewhere: it is needed to restore this store from a backup, and is never shown again."
        )
    click.echo(str(settings))
