"""The demo as it goes on: a live view on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from rich.console import Console, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from dispatch.clock import Clock
from dispatch.demo.board import Board
from dispatch.language import text
from dispatch.shown import shown
from dispatch.store.plan import CityPlan

TIME_OF_DAY: Final = "%H:%M:%S"
REFRESH_SECONDS: Final = 0.2
_UNITS_WIDTH: Final = 44
_FRAME_HEIGHT: Final = 10  # rows that are not events
_QUEUE_HEIGHT: Final = 4

_STATUS_STYLES: Final = {
    "available": "green",
    "ordered": "bold yellow",
    "rolling": "yellow",
    "on_scene": "bold cyan",
    "transporting": "bold blue",
    "at_hospital": "blue",
    "handed_over": "blue",
    "disinfecting": "magenta",
    "returning": "dim green",
    "off_duty": "dim",
    "out_of_service": "bold red",
}
_MARKS: Final = {"negative_pressure": "⊖", "monitoring": "◉", "basic": "○"}


class Screen:
    """Shows a board; `tick` is called after every step of the scenario."""

    def __init__(
        self,
        console: Console,
        board: Board,
        plan: CityPlan,
        clock: Clock,
        *,
        time_format: str = TIME_OF_DAY,
    ) -> None:
        self._console = console
        self._board = board
        self._plan = plan
        self._clock = clock
        self._time_format = time_format
        self._zone = ZoneInfo(plan.time_zone)
        self._shown = 0

    @contextmanager
    def live(self) -> Iterator[Callable[[], None]]:
        """Show the board for as long as the context lasts; yields what to call at every step."""
        if not self._console.is_terminal:
            yield self._print_new
            return
        with Live(
            get_renderable=self._frame,
            console=self._console,
            screen=True,
            auto_refresh=False,
        ) as live:
            drawn = -REFRESH_SECONDS

            def draw() -> None:
                nonlocal drawn
                now = time.monotonic()
                if now - drawn >= REFRESH_SECONDS:
                    drawn = now
                    live.refresh()

            yield draw
            live.refresh()

    def _print_new(self) -> None:
        new = self._board.told - self._shown
        lines = list(self._board.lines)
        for at, style, said in lines[max(0, len(lines) - new) :]:
            self._console.print(self._line(at, style, said), soft_wrap=True)
        self._shown = self._board.told

    def _frame(self) -> RenderableType:
        layout = Layout()
        layout.split_column(
            Layout(self._title(), name="title", size=4),
            Layout(name="middle"),
            Layout(self._queue(), name="queue", size=_QUEUE_HEIGHT),
        )
        layout["middle"].split_row(Layout(self._units(), size=_UNITS_WIDTH), Layout(self._events()))
        return layout

    def _title(self) -> Panel:
        local = self._clock.now().astimezone(self._zone)
        counters = self._board.counters
        said = text(
            "demo.counters",
            calls=len(self._board.calls),
            linked=counters["call.linked"],
            orders=counters["order.issued"],
            handovers=counters["handover.closed"],
            disinfections=counters["disinfection.accepted"],
            rejected=counters["input.rejected"],
        )
        rules = "  ".join(f"{rule} {count}" for rule, count in sorted(self._board.rules.items()))
        clock = text(
            "demo.title", city=shown(self._plan.name), clock=f"{local:{self._time_format}}"
        )
        return Panel(Text(f"{said}\n{shown(rules)}"), title=Text(clock, "bold"), title_align="left")

    def _units(self) -> Panel:
        table = Table.grid(padding=(0, 1))
        for unit in self._plan.unit:
            status = self._board.status[unit.unit_id]
            table.add_row(
                _MARKS[unit.vehicle],
                Text(shown(unit.unit_id), "bold" if unit.crew == "transfer" else ""),
                Text(text(f"demo.status.{status}"), _STATUS_STYLES[status]),
                Text(shown(self._board.runs.get(unit.unit_id, "")), "dim"),
            )
        return Panel(table, title=text("demo.units"), title_align="left")

    def _events(self) -> Panel:
        room = max(1, self._console.height - _FRAME_HEIGHT)
        lines = Text("\n", no_wrap=True, overflow="ellipsis").join(
            self._line(*line) for line in list(self._board.lines)[-room:]
        )
        return Panel(lines, title=text("demo.events"), title_align="left")

    def _queue(self) -> Panel:
        waiting = [
            text(f"demo.waits_for_{what}", incident=incident)
            for incident, what in self._board.queue.items()
        ]
        said = Text(
            shown(" · ".join(waiting)) or text("demo.nobody_waits"), "yellow" if waiting else "dim"
        )
        return Panel(said, title=text("demo.queue"), title_align="left")

    def _line(self, at: datetime, style: str, said: str) -> Text:
        local = at.astimezone(self._zone)
        return Text.assemble((f"{local:{self._time_format}} ", "dim"), (shown(said), style))
