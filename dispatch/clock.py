"""Time as an interface.

Domain code takes the time as a parameter; whoever needs a source of it holds a `Clock`. All times
are aware, in UTC. A scenario (demo, replay, simulation) runs on a `ScenarioClock`, which every
process on the machine reads from one small file; latencies are measured with `wall_now`.
"""

import contextlib
import fcntl
import math
import mmap
import os
import struct
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, Self

from dispatch.errors import ConfigurationError


class Clock(Protocol):
    """A source of the present time."""

    def now(self) -> datetime:
        """Return the present time, aware, in UTC."""
        ...


def wall_now() -> datetime:
    """Return the machine's time, in UTC, whatever clock the service runs on."""
    return datetime.now(UTC)


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time, in UTC."""
        return wall_now()


# generation, scenario time (s since 1970), wall time at which it held (the same), speed
_READING = struct.Struct("<Qddd")
_CHECKSUM = struct.Struct("<Q")
_SLOT = _READING.size + _CHECKSUM.size
# A writer overwrites the older of two slots, so that a reader always finds a whole one, even
# after a writer died half-way.
_FILE_SIZE = 2 * _SLOT


def _encode(reading: tuple[int, float, float, float]) -> bytes:
    packed = _READING.pack(*reading)
    return packed + _CHECKSUM.pack(zlib.crc32(packed))


def _decode(slot: bytes) -> tuple[int, float, float, float] | None:
    packed, checksum = slot[: _READING.size], slot[_READING.size :]
    if _CHECKSUM.unpack(checksum)[0] != zlib.crc32(packed):
        return None
    generation, scenario, wall, speed = _READING.unpack(packed)
    return generation, scenario, wall, speed


class ScenarioClock:
    """A clock shared through a file: scaled (`speed` times the wall clock) or stepped (speed 0).

    Any process may read it at any time; `advance_to` may be called by any of them.
    """

    def __init__(self, path: Path) -> None:
        """Open the clock kept in `path`.

        Raises ConfigurationError when there is no clock.
        """
        self._path = path
        try:
            descriptor = os.open(path, os.O_RDWR)
        except OSError as error:
            raise ConfigurationError(f"scenario clock {path}: {error.strerror}") from error
        try:
            if os.fstat(descriptor).st_size != _FILE_SIZE:
                raise ConfigurationError(f"scenario clock {path}: not a clock file")
            self._map = mmap.mmap(descriptor, _FILE_SIZE)
        finally:
            os.close(descriptor)
        if not any(self._slots()):
            raise ConfigurationError(f"scenario clock {path}: not a clock file")

    @classmethod
    def create(cls, path: Path, start: datetime, speed: float) -> Self:
        """Put a clock that begins at `start` (aware) into `path`, in place of any that is there.

        Raises ValueError when `start` is naive, or `speed` is negative or not finite.
        """
        if not math.isfinite(speed) or speed < 0:
            raise ValueError(f"speed must be 0 or more: {speed}")
        slot = _encode((1, _timestamp(start), time.time(), speed))
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_bytes(slot + bytes(_SLOT))
        draft.replace(path)
        return cls(path)

    def now(self) -> datetime:
        """Return the scenario's present time, in UTC."""
        _, scenario, wall, speed = self._latest()
        # The wall clock may be set back; the scenario's never runs backwards for that.
        elapsed = max(0.0, time.time() - wall)
        return datetime.fromtimestamp(scenario + elapsed * speed, UTC)

    @property
    def speed(self) -> float:
        """Scenario seconds in a wall second; 0 when the clock is stepped."""
        return self._latest()[3]

    def advance_to(self, moment: datetime) -> None:
        """Move the clock forward to `moment` (aware); it goes on from there at its speed.

        Raises ValueError when `moment` is naive or has passed.
        """
        target = _timestamp(moment)
        with self._writing():
            if moment < self.now():
                raise ValueError(f"the clock can't go back to {moment.isoformat()}")
            generation, _, _, speed = self._latest()
            slot = _encode((generation + 1, target, time.time(), speed))
            older = _SLOT * (generation % 2)
            self._map[older : older + _SLOT] = slot

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()

    def _slots(self) -> list[tuple[int, float, float, float] | None]:
        data = self._map[:]
        return [_decode(data[:_SLOT]), _decode(data[_SLOT:])]

    def _latest(self) -> tuple[int, float, float, float]:
        while True:
            whole = [slot for slot in self._slots() if slot is not None]
            # Both are torn only when a reader was held up between two writes; look again.
            if whole:
                return max(whole)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        descriptor = os.open(self._path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _timestamp(moment: datetime) -> float:
    if moment.tzinfo is None:
        raise ValueError(f"a time needs its zone: {moment.isoformat()}")
    return moment.timestamp()


def open_clock(scenario_clock: Path | None) -> Clock:
    """Return the scenario's clock when a file is given, else the machine's.

    Raises ConfigurationError when there is no clock in the file.
    """
    return SystemClock() if scenario_clock is None else ScenarioClock(scenario_clock)
