"""A child process that never outlives its parent."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dispatch.errors import StackError

# seconds between two looks at a process
POLL = 0.02
_TETHER = Path(__file__).with_name("tether.py")


class Process:
    """One started child; its output goes to a log file.

    Start it from a thread that lives as long as it should: Linux ends it with that thread.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        orphaned: signal.Signals,
        account: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start the command; it gets the signal `orphaned` when this process dies.

        Without an `environment` it has this process's.
        """
        self._log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                [
                    *(sys.executable, "-I", "-S", _TETHER),
                    *(str(os.getpid()), str(int(orphaned)), account),
                    *command,
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches the parent alone, which stops its children in order.
                start_new_session=True,
                cwd="/",
                env=environment,
            )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    async def ended(self, seconds: float) -> bool:
        """Wait until it ends, at most so long; return whether it did."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self.running:
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(POLL)
        return True

    async def succeed(self, seconds: float) -> None:
        """Wait until it ends well.

        Raises StackError when it fails or takes longer.
        """
        if not await self.ended(seconds):
            self.kill()
            raise StackError(f"{self._name()} took longer than {seconds:g} s; see {self._log}")
        if self._popen.returncode != 0:
            raise self.failure()

    async def stop(self, first: signal.Signals, seconds: float) -> None:
        """Ask it to end by a signal; kill it when it has not after so many seconds."""
        if self.running:
            self._popen.send_signal(first)
            if not await self.ended(seconds):
                self.kill()

    def kill(self) -> None:
        """End it and what it started at once."""
        if self.running:
            os.killpg(self.pid, signal.SIGKILL)
            self._popen.wait()

    def failure(self) -> StackError:
        """Return the error that says how it ended, with the last line that it wrote."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = lines[-1].strip() if lines else "it wrote nothing"
        return StackError(
            f"{self._name()} ended with status {self._popen.returncode}: {last} (see {self._log})"
        )

    def _name(self) -> str:
        return self._log.stem
