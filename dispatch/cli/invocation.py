"""What all commands share: the settings, or what is needed to read them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dispatch.errors import StackError

if TYPE_CHECKING:
    from dispatch.settings import Settings


@dataclass(frozen=True, slots=True)
class Invocation:
    """How `dispatch` was called; click's `ctx.obj`."""

    config: Path | None = None

    def settings(self, **overrides: Any) -> "Settings":
        """Read the settings; what nobody set comes from the stack that `dispatch up` runs here.

        `overrides` are the command's own options. Raises ConfigurationError, and StackError when
        others may have written where that stack is.
        """
        # Imported late: commands that need no settings start twice as fast.
        from dispatch.settings import load_settings  # noqa: PLC0415
        from dispatch.stack.addresses import running  # noqa: PLC0415

        settings = load_settings(self.config, overrides=overrides)
        own_kafka = "bootstrap_servers" in settings.kafka.model_fields_set
        own_database = "dsn" in settings.database.model_fields_set
        try:
            addresses = running(settings.data_dir)
        except StackError:
            # Who needs nothing of it can do without.
            if own_kafka and own_database:
                return settings
            raise
        if addresses is None:
            return settings
        fallback = addresses.as_settings()
        # Who names a cluster or a database of their own wants nothing of this one's mixed in.
        if own_kafka:
            del fallback["kafka"]
        if own_database:
            del fallback["database"]
        return load_settings(self.config, overrides=overrides, fallback=fallback)


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)
