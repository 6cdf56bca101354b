"""The examples in the help: every command has some, and each can be typed as it stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from persync.cli import root
from persync.cli.context import App
from persync.cli.examples import EXAMPLES
from persync.measure import METRICS


def commands(command: click.Command, context: click.Context, words: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command and group with its words after persync."""
    yield words, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            if "|" not in name:
                under = click.Context(inner, info_name=name, parent=context)
                yield from commands(inner, under, f"{words} {name}".strip())


def every() -> dict[str, click.Command]:
    with click.Context(root, info_name="persync", obj=App(), **root.context_settings) as context:
        return dict(commands(root, context, ""))


def test_every_command_has_an_example_and_every_example_a_command() -> None:
    assert set(EXAMPLES) == set(every())
    assert all(EXAMPLES.values())


@pytest.mark.parametrize("words", [words for words in EXAMPLES if words])
def test_help_ends_with_the_examples_as_they_are_typed(words: str) -> None:
    text = CliRunner().invoke(root, [*words.split(), "--help"], prog_name="persync", terminal_width=80).stdout

    assert text.split("Examples:\n")[1] == "".join(f"  {line}\n" for line in EXAMPLES[words])


def typed(line: str) -> list[str]:
    """Return the words of the call of persync in a line of a shell."""
    match = re.search(r"persync ([^>|)]*)", line)
    assert match, line
    return shlex.split(match[1])


@pytest.mark.parametrize(("words", "line"), [(words, line) for words, lines in EXAMPLES.items() for line in lines])
def test_an_example_calls_its_command_with_values_that_fit(words: str, line: str) -> None:
    """Options are known, what is required is there, choices and numbers are valid. Files need not be there."""
    arguments = typed(line)
    command: click.Command = root
    context = click.Context(root, info_name="persync", obj=App(), **root.context_settings)
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        found = command.get_command(context, arguments[0])
        assert found is not None, f"{line}: there is no command {arguments[0]}"
        command, context = found, click.Context(found, info_name=arguments.pop(0), parent=context, obj=App())
    given, rest, _ = command.make_parser(context).parse_args(arguments)

    assert context.command_path.startswith(f"persync {words}".strip())
    assert rest == []
    for parameter in command.params:
        value = given.get(parameter.name or "")
        assert value or not parameter.required, f"{line}: {parameter.name} is missing"
        if isinstance(value, str | list) and not isinstance(parameter.type, click.Path):
            parameter.type_cast_value(context, value)


def test_metrics_in_examples_are_metrics() -> None:
    named = [typed(line) for words in ("metric", "metrics show") for line in EXAMPLES[words]]

    assert {arguments[-1] if arguments[0] == "metrics" else arguments[1] for arguments in named} <= {one.id for one in METRICS}
