"""Where to start reading a partition, when the database and Kafka both have a say."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Start:
    """The offset to read from, and what was found amiss, in records."""

    offset: int
    reread: int = 0
    unreadable: int = 0
    beyond_end: int = 0


def where_to_start(committed: int | None, noted: int | None, first: int, end: int) -> Start:
    """Choose the lower of what Kafka committed and the database noted, within `first` and `end`.

    `committed` and `noted` are the next offset to read, None where nothing is known; `first` is
    the partition's first offset, `end` its next. Reading again is safe, as replays take no
    effect; leaving out is not. The database is the truth: what Kafka committed beyond it is
    `reread`, what it never saw and Kafka has deleted is `unreadable`, and what it has seen of a
    partition that ends earlier is `beyond_end` (the log was truncated).
    """
    trusted = first if noted is None else noted
    unreadable = max(0, first - trusted)
    beyond_end = max(0, trusted - end)
    if committed is None:
        return Start(first, unreadable=unreadable, beyond_end=beyond_end)
    if committed > end:
        # Kafka's own commit is of a log that is no more.
        return Start(first, unreadable=unreadable, beyond_end=max(beyond_end, committed - end))
    start = max(first, min(committed, trusted))
    return Start(
        start,
        reread=max(0, committed - max(start, trusted)),
        unreadable=unreadable,
        beyond_end=beyond_end,
    )
