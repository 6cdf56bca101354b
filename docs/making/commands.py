"""The command line, the addresses of the live page, the files that can be imported, and the faults of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import click
from making.markdown import prose, table


def commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield every command with its full name, subcommands in place of their group."""
    from persync.cli import COMMANDS, root

    top = click.Context(root, info_name="persync", **root.context_settings)
    for name in COMMANDS:
        command = root.get_command(top, name)
        assert command is not None
        here = click.Context(command, info_name=name, parent=top)
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield name, command, here
            for sub, inner in sorted(command.commands.items()):
                yield f"{name} {sub}", inner, click.Context(inner, info_name=sub, parent=here)
        else:
            yield name, command, here


def addresses() -> str:
    """Return the table of the answers of /api/v1, from the table that the server reads."""
    from persync.serve.api.answers import ANSWERS

    rows = [
        (
            f"`{one.shown}`",
            f"`persync {one.command}`",
            ", ".join(f"`{param.name}={param.words}`{' …' if param.several else ''}" for param in one.params),
            one.heavy,
        )
        for one in ANSWERS
    ]
    return table(("GET", "answers as", "parameters", "heavy"), rows)


def faults() -> str:
    """Return the table of the faults a sandbox can serve."""
    from persync.sandbox.fault_words import WORDS

    rows = [f"| `{kind}` | {does} | {made} |" for kind, (does, made) in sorted(WORDS.items())]
    return "\n".join(["| kind | what it does | what persync makes of it |", "| --- | --- | --- |", *rows])


def command_list() -> str:
    """The line of each command that `persync --help` shows."""
    from persync.cli import COMMANDS

    return table(("command", ""), ((f"`persync {name}`", line) for name, (_, line) in COMMANDS.items()))


def command_reference() -> str:
    """Each command with its usage, its help and its options."""
    from persync.cli.examples import examples_of

    parts = []
    for name, command, context in commands():
        usage = " ".join(["persync", name, *command.collect_usage_pieces(context)])
        options = "\n".join(_options(command, context))
        examples = "\n".join(examples_of(name))
        parts.append(f"## {name}\n\n    {usage}\n\n{prose(command.help or '')}\n" + (f"\n{options}\n" if options else ""))
        parts[-1] += f"\n```sh\n{examples}\n```\n" if examples else ""
    return "\n".join(parts)


def shared_options() -> str:
    """The options that every command takes."""
    from persync.cli import root

    context = click.Context(root, info_name="persync", **root.context_settings)
    return "\n".join([*_options(root, context), "- `-h, --help` Show this message and exit."])


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        # By what it is, not by its name: a command remembers the names of the first context that asked for it.
        hidden = getattr(parameter, "hidden", False) or parameter is command.get_help_option(context)
        record = None if hidden else parameter.get_help_record(context)
        if record is not None:
            yield f"- `{record[0]}` {record[1]}".rstrip()


def importers() -> str:
    """Each kind of file with its columns."""
    from persync.imports.files import IMPORTERS
    from persync.measure.costs import CATEGORIES

    parts = []
    for importer in IMPORTERS:
        rows = []
        for column in importer.columns:
            words = [column.help] if column.help else []
            words += [f"one of {', '.join(column.choices)}"] if column.choices else []
            words += ["the cell may be empty"] if column.may_be_empty and "empty" not in column.help else []
            rows.append((f"`{column.name}`" + ("" if column.required else " ?"), column.kind, "; ".join(words)))
        once = f"\nOnce in a file: {', '.join(f'`{name}`' for name in importer.once)} together.\n" if importer.once else ""
        parts.append(f"## {importer.kind}\n\n{importer.summary}\n\n{table(('column', 'kind', ''), rows)}{once}")
        if importer.kind == "attributes":
            parts.append(
                "What tells who somebody is (age, gender, place, language, family, income, a special category) needs a basis:"
                " in its line, or under `[connections.NAME.attributes]` of a `files` connection for all lines. Of an age its"
                " band is kept, of a postal code its region, of a date its year; a date of birth, a name and an address are"
                " refused.\n"
            )
        if importer.kind == "costs":
            parts.append(
                f"Any category may stand there; the report names those of {', '.join(CATEGORIES)} that have no entry. A scope"
                " that is the name of an experiment makes the cost that experiment's.\n"
            )
    return "\n".join(parts)
