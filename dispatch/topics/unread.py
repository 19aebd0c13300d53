"""What is asked about inputs that nobody has dealt with yet."""

from typing import Protocol


class Unread(Protocol):
    """Where records of the input topics (named without a prefix) are that nobody has dealt with."""

    def somewhere(self, topic: str) -> bool:
        """Return whether any partition of a topic has some."""
        ...

    def at_all(self, topic: str) -> bool:
        """Return whether any partition has some that limits need not wait for, or others.

        It stands, or they are behind a producer's open transaction.
        """
        ...

    def everywhere(self, topic: str) -> bool:
        """Return whether every partition of a topic has some."""
        ...

    def of(self, topic: str, key: str) -> bool:
        """Return whether one of them may have a key, whichever client has published it."""
        ...
