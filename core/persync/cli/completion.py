"""`persync completion`: what makes a shell complete commands, options and names, and what answers it."""

from __future__ import annotations

import os
import shlex
from contextlib import redirect_stderr
from io import StringIO
from typing import ClassVar, Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    shell_complete,
)

from persync.cli import COMPLETE
from persync.cli.base import Command

_POWERSHELL: Final = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = $commandAst.CommandElements |
        Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
        ForEach-Object { $_.Extent.Text.Trim("'", '"') }
    $env:COMP_WORDS = $words -join "`n"
    $env:COMP_CWORD = $wordToComplete.Trim("'", '"')
    $env:%(complete_var)s = 'powershell_complete'
    try {
        %(prog_name)s 2>$null | ForEach-Object {
            $value, $help = $_ -split "`t", 2
            if ($value) {
                $text = if ($value -match '^[\\w.:/+-]+$') { $value } else { "'" + $value.Replace("'", "''") + "'" }
                $tip = if ($help) { $help } else { $value }
                [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $tip)
            }
        }
    }
    finally {
        Remove-Item Env:COMP_WORDS, Env:COMP_CWORD, Env:%(complete_var)s -ErrorAction SilentlyContinue
    }
}
"""


class Bash(BashComplete):
    """bash puts what it is given into the line as it is: a name with `$(...)` in it, of somebody else's making, is quoted."""

    def format_completion(self, item: CompletionItem) -> str:
        """Return one line of the answer."""
        return f"{item.type},{shlex.quote(item.value) if item.type == 'plain' and item.value else item.value}"

    @staticmethod
    def _check_version() -> None:
        """Ask no bash for its version: the script may be for another machine."""


class PowerShell(ShellComplete):
    """PowerShell 5 and later; where nothing is offered it offers files itself."""

    name: ClassVar[str] = "powershell"
    source_template: ClassVar[str] = _POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is being typed, and that one."""
        words = os.environ.get("COMP_WORDS", "").split("\n")[1:]
        incomplete = os.environ.get("COMP_CWORD", "")
        return (words[:-1] if incomplete and words else words), incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """Return one line of the answer; files and folders are left to the shell."""
        if item.type != "plain":
            return ""
        return f"{item.value}\t{' '.join(item.help.split())}" if item.help else item.value


SHELLS: Final[dict[str, type[ShellComplete]]] = {
    "bash": Bash,
    "zsh": ZshComplete,
    "fish": FishComplete,
    "powershell": PowerShell,
}


def answer(root: click.Command) -> int:
    """Answer a shell that asks for completions. Nothing is said whatever happens: the line is still being typed."""
    for name, kind in SHELLS.items():
        add_completion_class(kind, name)
    try:
        with redirect_stderr(StringIO()):
            shell_complete(root, {}, "persync", COMPLETE, os.environ[COMPLETE])
    except Exception:
        return 1
    return 0


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print what makes SHELL complete commands, options and the names of this project.

    Offered are connections, jobs, experiments, segments, streams, campaigns, orders, metrics and what they can be split by,
    models and plugins. Have the shell read the script when it starts: for bash a line in ~/.bashrc, for zsh in ~/.zshrc, for
    PowerShell in $PROFILE; for fish it is a file.
    """
    kind = SHELLS[shell]
    click.echo(kind(click.get_current_context().find_root().command, {}, "persync", COMPLETE).source(), nl=False)
