"""Click's classes, whose help texts are keys of the message catalogue.

`@command("decide")` shows the text `decide.help`, `@option("--json", help="decide.json")` the
text `decide.json`: looked up when they are shown, in the language spoken then.
"""

from collections.abc import Callable
from typing import Any

import click

from dispatch.language import text


class Formatter(click.HelpFormatter):
    """Writes headings in the language in use."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage line."""
        super().write_usage(prog, args, prefix or text("cli.usage"))

    def write_heading(self, heading: str) -> None:
        """Write a section's heading."""
        known = {"Options": "cli.options", "Commands": "cli.commands"}
        name = text(known[heading]) if heading in known else heading
        self.write(" " * self.current_indent + text("cli.heading", name=name) + "\n")


class Context(click.Context):
    """A context whose help is in the language in use."""

    formatter_class = Formatter


class Option(click.Option):
    """An option whose help is a key."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option's names and what it does."""
        key, self.help = self.help, self.help and text(self.help)
        try:
            return super().get_help_record(ctx)
        finally:
            self.help = key

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Return what stands in brackets behind the help, in the language in use."""
        extra: Any = super().get_help_extra(ctx)
        said = [extra.pop("range")] if "range" in extra else []
        if (default := extra.pop("default", None)) is not None:
            said.insert(0, text("cli.default", value=default))
        if extra.pop("required", None) is not None:
            said.append(text("cli.required"))
        # Shown as it stands, unlike the others.
        return {**extra, "range": "; ".join(said)} if said else extra


class Command(click.Command):
    """A command whose help is a key."""

    context_class = Context

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does."""
        key, self.help = self.help, self.help and text(self.help)
        try:
            super().format_help_text(ctx, formatter)
        finally:
            self.help = key

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first line of what the command does."""
        return text(self.help).splitlines()[0] if self.help else super().get_short_help_str(limit)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return `--help`."""
        names = self.get_help_option_names(ctx)

        def show(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
            if wanted and not ctx.resilient_parsing:
                click.echo(ctx.get_help(), color=ctx.color)
                ctx.exit()

        return Option(
            names,
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=show,
            help="cli.help",
        )


class Group(Command, click.Group):
    """A group whose help is a key; its subcommands are localised like itself."""

    command_class = Command


def command(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a command whose help is the text `name.help`, unless `help` gives another key."""
    return click.command(name, cls=Command, **{"help": f"{name}.help", **attributes})


def group(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], Group]:
    """Make a group whose help is the text `name.help`, unless `help` gives another key."""
    return click.group(name, cls=Group, **{"help": f"{name}.help", **attributes})


def option(*names: str, **attributes: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command an option whose `help` is a key."""
    return click.option(*names, cls=Option, **attributes)


def explain(error: click.UsageError) -> str:
    """Say in the language in use what was wrong with the arguments."""
    match error:
        case click.NoSuchOption():
            said = text("cli.no_option", name=error.option_name)
            if error.possibilities:
                said += " " + text("cli.did_you_mean", name=error.possibilities[0])
            return said
        case click.MissingParameter():
            return text("cli.no_value", name=_name(error))
        case click.BadParameter() if error.param is not None:
            return text("cli.bad_value", name=_name(error), reason=_said(error.message))
        case _:
            return _said(error.format_message())


def _said(message: str) -> str:
    # Imported late: help needs none of it.
    from dispatch.wording import said  # noqa: PLC0415

    return said(message)


def _name(error: click.BadParameter) -> str:
    if error.param is None:
        hints = error.param_hint or ""
        return hints if isinstance(hints, str) else "/".join(hints)
    if isinstance(error.param, click.Option):
        return "/".join(error.param.opts)
    return error.param.make_metavar(error.ctx or click.Context(click.Command(None)))
