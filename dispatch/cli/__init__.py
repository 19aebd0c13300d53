"""The `dispatch` command.

A subcommand's module is imported only when it is called, so that each starts fast. A command is
a click command made with `dispatch.cli.localised`; the integer that it returns is its exit status.
A `DispatchError` ends in one line and status 1, a usage error in status 2.
"""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from dispatch import language
from dispatch.cli.encoding import make_writable
from dispatch.cli.invocation import Invocation
from dispatch.cli.localised import Group, Option, explain
from dispatch.errors import DispatchError
from dispatch.language import text

# Sections of `dispatch --help` and, for each command, where to find it.
SECTIONS: Final = {
    "cli.running": {
        "demo": "dispatch.cli.demo:command",
        "up": "dispatch.cli.up:command",
        "worker": "dispatch.cli.worker:command",
        "migrate": "dispatch.cli.migrate:command",
        "adopt": "dispatch.cli.adopt:command",
        "topics": "dispatch.cli.topics:command",
        "access": "dispatch.cli.access:command",
    },
    "cli.asking": {
        "call": "dispatch.cli.call:call",
        "answer": "dispatch.cli.call:answer",
        "override": "dispatch.cli.call:override",
        "hold": "dispatch.cli.call:hold",
        "cancel": "dispatch.cli.call:cancel",
        "link": "dispatch.cli.call:link",
        "unlink": "dispatch.cli.call:unlink",
        "waive": "dispatch.cli.call:waive",
        "unit": "dispatch.cli.unit:command",
        "hospital": "dispatch.cli.hospital:command",
        "commission": "dispatch.cli.commission:command",
        "transfers": "dispatch.cli.transfers:command",
        "mode": "dispatch.cli.mode:command",
    },
    "cli.looking": {
        "decide": "dispatch.cli.decide:command",
        "tail": "dispatch.cli.tail:command",
        "clocks": "dispatch.cli.clocks:command",
        "indicators": "dispatch.cli.indicators:command",
        "replay": "dispatch.cli.replay:command",
        "simulate": "dispatch.cli.simulate:command",
        "policy": "dispatch.cli.policy:command",
        "schemas": "dispatch.cli.schemas:command",
    },
}
COMMANDS: Final = {
    name: place for commands in SECTIONS.values() for name, place in commands.items()
}

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130


class LazyGroup(Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands' names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest the one that was probably meant."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            message = text("cli.no_command", name=name)
            if close := get_close_matches(name, COMMANDS, n=1):
                message += " " + text("cli.did_you_mean", name=close[0])
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands by section, without importing any."""
        for title, commands in SECTIONS.items():
            with formatter.section(text(title)):
                formatter.write_dl([(name, text(f"cli.summary.{name}")) for name in commands])


def _speak(_ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        language.speak(value)


@click.group(
    cls=LazyGroup,
    help="cli.about",
    params=[
        Option(
            ["--lang"],
            type=click.Choice(language.LANGUAGES),
            is_eager=True,
            expose_value=False,
            callback=_speak,
            help="cli.lang",
        ),
        Option(["--config"], type=click.Path(path_type=Path), help="cli.config"),
    ],
)
@click.version_option(package_name="ambulance-dispatch", cls=Option, help="cli.version")
@click.pass_context
def group(ctx: click.Context, config: Path | None) -> None:
    """Hold what all commands share."""
    ctx.obj = Invocation(config)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments ask for, and exit with its status."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run the command that the arguments ask for and return its exit status."""
    language.speak(language.choose(_wanted_language(arguments)))
    for stream in (sys.stdout, sys.stderr):
        make_writable(stream)
    try:
        result: Any = group.main(arguments, prog_name="dispatch", standalone_mode=False)
    except DispatchError as error:
        _complain(*error.lines)
        return EXIT_ERROR
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.UsageError as error:
        if error.ctx is not None:
            click.echo(error.ctx.get_usage(), err=True)
            click.echo(text("cli.try_help", command=error.ctx.command_path), err=True)
        _complain(explain(error))
        return error.exit_code
    except click.ClickException as error:
        _complain(error.format_message())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _forget_output()
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`| head`).
        _forget_output()
        return EXIT_ERROR
    return result if isinstance(result, int) else 0


def _complain(*lines: str) -> None:
    """Write to standard error what went wrong: what is quoted in it is text."""
    # Imported late: help needs none of it.
    from dispatch.cli.output import complain  # noqa: PLC0415
    from dispatch.wording import said  # noqa: PLC0415

    first, *more = map(said, lines)
    complain(f"dispatch: {first}", *more)


def _forget_output() -> None:
    from dispatch.cli.output import forget_output  # noqa: PLC0415 - likewise

    forget_output()


def _wanted_language(arguments: Sequence[str]) -> str | None:
    """Find `--lang` before the subcommand: help that comes first should speak it too."""
    rest = iter(arguments)
    for argument in rest:
        if argument == "--lang":
            return next(rest, None)
        if argument.startswith("--lang="):
            return argument.removeprefix("--lang=")
        if argument == "--config":
            next(rest, None)
        elif not argument.startswith("-"):
            break
    return None
