"""A plan as a picture: a row for each unit, a bar for each part of a trip. Times are UTC."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from dispatch.planning.plan import Plan, Trip

# Colours that colour-blind readers tell apart.
PHASES: Final = {
    "way to the origin": "#bbbbbb",
    "loading": "#ee7733",
    "ride": "#0077bb",
    "handing over": "#009988",
    "disinfection, and waiting for it": "#ee3377",
}
# Ids are written into bars of up to so many trips; more would cover one another.
_LABELLED: Final = 250


def draw(plans: Iterable[Plan], path: Path) -> None:
    """Write the picture of plans of the same units as SVG or PNG, by the path's ending.

    It is in English: not every machine has a font with Chinese. Raises OSError when the file can't
    be written.
    """
    plans = list(plans)
    trips = [trip for plan in plans for trip in plan.trips]
    units = sorted({trip.unit_id for trip in trips})
    row = {unit_id: number for number, unit_id in enumerate(units)}
    figure = Figure(figsize=(16, 2 + 0.35 * len(units)), layout="constrained")
    axes = figure.add_subplot()
    for trip in sorted(trips, key=lambda each: each.load_at):
        for phase, begin, end in _phases(trip):
            left, right = date2num(begin), date2num(end)
            axes.barh(row[trip.unit_id], right - left, left=left, color=PHASES[phase], height=0.8)
        if len(trips) <= _LABELLED:
            middle = (date2num(trip.leave_at) + date2num(trip.arrive_at)) / 2
            axes.text(
                middle,
                row[trip.unit_id],
                f"{trip.hospital_id}\n{' '.join(trip.patients)}",
                ha="center",
                va="center",
                fontsize=4,
                color="white",
                clip_on=True,
                parse_math=False,
            )
    axes.set_yticks(range(len(units)), units, parse_math=False)
    axes.invert_yaxis()
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    figure.legend(
        handles=[Patch(color=colour, label=phase) for phase, colour in PHASES.items()],
        loc="outside lower center",
        ncols=len(PHASES),
    )
    axes.set_title(", ".join(plan.batch_id for plan in plans), parse_math=False)
    figure.savefig(path, dpi=150)


def _phases(trip: Trip) -> Iterator[tuple[str, datetime, datetime]]:
    moments = (
        ("way to the origin", trip.depart_at, trip.load_at),
        ("loading", trip.load_at, trip.leave_at),
        ("ride", trip.leave_at, trip.arrive_at),
        ("handing over", trip.arrive_at, trip.handed_over_at),
        ("disinfection, and waiting for it", trip.handed_over_at, trip.free_at),
    )
    return ((name, begin, end) for name, begin, end in moments if begin < end)
