"""Examples of every command, shown at the end of its help and in docs/commands.md; a test calls the parser with each."""

from __future__ import annotations

from typing import Final

EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "": ("persync demo", "persync init", "persync connect shopify", "persync pull", "persync report"),
    "init": ("persync init", "persync init --project ~/shop"),
    "connect": (
        "persync connect shopify --guide",
        "persync connect mailchimp",
        "persync connect shop --connector shopify --set shop=my-shop",
        "pass show hubspot | persync connect hubspot --secret-stdin token --no-input",
    ),
    "doctor": ("persync doctor", "persync doctor --format json"),
    "config": ("persync config show",),
    "config show": ("persync config show --origin", "persync config show connections.shopify --origin"),
    "status": ("persync status", "persync status --all"),
    "pull": ("persync pull", "persync pull shopify --stream orders --since 2026-01-01", "persync pull --dry-run"),
    "import": ("persync import costs costs.csv", "persync import outcomes visits.csv.gz"),
    "tag": ("persync tag --list", "persync tag mailchimp:8f3a1c2b 2"),
    "store": ("persync store backup ~/backups/shop.db",),
    "store backup": ("persync store backup ~/backups/shop.db", "persync store backup shop-2026-11.db --format json"),
    "verify": ("persync verify", "persync verify --digest"),
    "attribution": (
        "persync attribution",
        "persync attribution --models linear,markov_removal --by channel --period 2026-01",
        "persync attribution --lookback 30 --basis gross --format json",
    ),
    "explain": ("persync explain order 1042",),
    "explain order": ("persync explain order 1042", "persync explain order 1042 --models linear"),
    "explain person": ("persync explain person shop:7001234567",),
    "explain send": ("persync explain send mailchimp:8f3a1c2b", "persync explain send mailchimp:8f3a1c2b shop:7001234567"),
    "reconcile": (
        "persync reconcile",
        "persync reconcile shopify --period 2026-01 --tolerance 0.001",
        "persync reconcile --offline --period 2026",
    ),
    "experiment": ("persync experiment read",),
    "experiment plan": ("persync experiment plan", "persync experiment plan welcome --format json"),
    "experiment assign": ("persync experiment assign welcome --dry-run", "persync experiment assign welcome"),
    "experiment export": ("persync experiment export welcome --for mailchimp --list members.csv --out control.csv",),
    "experiment read": ("persync experiment read", "persync experiment read welcome --format json"),
    "segment": ("persync segment list",),
    "segment list": ("persync segment list", "persync segment list --format json"),
    "segment show": ('persync segment show "rfm: champions"',),
    "baseline": ("persync baseline freeze",),
    "baseline freeze": ("persync baseline freeze --period 2025",),
    "baseline show": ("persync baseline show", "persync baseline show --period 2026-01..2026-03"),
    "fairness": (
        "persync fairness",
        "persync fairness --by country --format json",
        'persync fairness --by country --segment "life-cycle: at risk" --period 2025-01-01..2025-03-31',
        "persync fairness --by country --score churn --threshold 0.5",
    ),
    "fairness decide": (
        'persync fairness decide generic_mail --message "For your place" --by country --because "agreed in the spring review"',
    ),
    "fairness decisions": ("persync fairness decisions",),
    "fairness mitigate": (
        "persync fairness mitigate --by country",
        "persync fairness mitigate --by country --gain 12 --cost 0.05",
        "persync fairness mitigate --by country --score engagement --threshold 20",
    ),
    "privacy": ("persync privacy audit",),
    "privacy apply": ("persync privacy apply request.json --dry-run", "persync privacy apply request.json --yes"),
    "privacy audit": ("persync privacy audit", "persync privacy audit --regime gdpr --format json"),
    "privacy clean": ("persync privacy clean", "persync privacy clean --apply"),
    "privacy erase": ("persync privacy erase --id shop:7001234567 --dry-run", "persync privacy erase --stdin"),
    "privacy export-subject": ("persync privacy export-subject --stdin --out subject.json",),
    "privacy retention": ("persync privacy retention", "persync privacy retention --apply"),
    "lake": ("persync lake list",),
    "lake add": ("persync lake add ~/clients/one --as one --lake ~/lake",),
    "lake list": ("persync lake list --lake ~/lake",),
    "lake overview": (
        "persync lake overview --lake ~/lake --out overview.html",
        "persync lake overview --lake ~/lake --metric unsubscribe_rate --period 2026-01",
    ),
    "lake remove": ("persync lake remove one --lake ~/lake",),
    "federate": ("persync federate export sums.json",),
    "federate export": (
        "persync federate export sums.json --period 2026",
        "persync federate export sums.json --epsilon 1 --only mail",
    ),
    "federate merge": ("persync federate merge one.json two.json three.json --out all.json",),
    "metrics": ("persync metrics list",),
    "metrics list": ("persync metrics list", "persync metrics list --format json"),
    "metrics show": ("persync metrics show ctr",),
    "metric": ("persync metric ctr", "persync metric conversion_rate --by country --period 2026-01..2026-03 --format csv"),
    "report": (
        "persync report --out report.html",
        "persync report --profile starter --out page.pdf",
        "persync report --format md --period 2026-01",
    ),
    "export": ("persync export v_orders --out orders.parquet", "persync export engagement_rate --by country --format json"),
    "export segment": ('persync export segment "rfm: champions" --for hubspot --out champions.csv',),
    "export sums": ("persync export sums --out sums.csv", "persync export sums --by country --measure people --epsilon 0.5"),
    "export suppression": ("persync export suppression --for mailchimp --list members.csv --out suppressed.csv",),
    "serve": ("persync serve", "persync serve --open --port 8765"),
    "run": ("persync run nightly", "persync run nightly --wait 60"),
    "schedule": (
        "persync schedule nightly --target systemd",
        "persync schedule nightly --target cron --install",
        "persync schedule status",
    ),
    "notify": ("persync notify test",),
    "notify test": ("persync notify test", "persync notify test owner"),
    "plugins": ("persync plugins list",),
    "plugins check": ("persync plugins check klaviyo",),
    "plugins list": ("persync plugins list", "persync plugins list --format json"),
    "plugins new": ("persync plugins new klaviyo", "persync plugins new margin --kind metric --out ~/plugins"),
    "bi": ("persync bi init metabase",),
    "bi init": ("persync bi init metabase", "persync bi init datasette --out ~/bi"),
    "bi refresh": ("persync bi refresh metabase",),
    "sandbox": ("persync sandbox serve",),
    "sandbox serve": (
        "persync sandbox serve --write-config ~/try",
        "persync sandbox serve --fault too_many,match=/lists,after=2,times=3",
    ),
    "completion": (
        'eval "$(persync completion bash)"',
        "persync completion fish > ~/.config/fish/completions/persync.fish",
        "persync completion powershell >> $PROFILE",
    ),
    "demo": ("persync demo", "persync demo --out ~/demo --no-open"),
}
"""{the words of a command after persync: how it may be called}"""


def examples_of(words: str) -> tuple[str, ...]:
    """Return the examples of a command by its words after persync; what is called by a table's name has its group's."""
    return EXAMPLES.get(words) or EXAMPLES.get(words.rpartition(" ")[0], ())
