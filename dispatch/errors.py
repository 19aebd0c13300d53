"""The errors that a user or an operator may meet.

A `DispatchError` raised without arguments says what its docstring says. The command line shows
it as one line; anything else that reaches the top is a defect and keeps its traceback.
"""

import inspect


class DispatchError(Exception):
    """The dispatch service met an error."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.getdoc(type(self)) or "")

    @property
    def lines(self) -> tuple[str, ...]:
        """What the command line says, line by line; nothing that an error quotes begins another."""
        return (str(self),)


class ConfigurationError(DispatchError):
    """A setting is missing or wrong."""


class BoundElsewhere(ConfigurationError):
    """The database and the topics don't belong together."""


class Unavailable(DispatchError):
    """The database or the broker can't be reached at present."""


class ReadOnly(Unavailable):
    """The database takes no writes at present: a standby, or one that was made so."""


class StackError(DispatchError):
    """The embedded PostgreSQL or broker didn't start."""


class StackRunningError(DispatchError):
    """The embedded stack is running already."""


class SchemaMismatch(DispatchError):
    """The database's schema is not the one that this version needs: run `dispatch migrate`."""


class PackError(DispatchError):
    """The policy pack can't be used."""
