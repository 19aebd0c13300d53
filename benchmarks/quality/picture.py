"""The distributions of the responses as a picture."""

from pathlib import Path
from statistics import quantiles
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.quality.record import Record
from benchmarks.quality.responses import of_days
from benchmarks.quality.study import NEAREST, Study

# Colours that colour-blind readers tell apart.
_COLOURS: Final = ("#000000", "#0077bb", "#33bbee", "#009988", "#ee7733", "#ee3377")
_SECONDS_A_MINUTE: Final = 60.0
_MOST: Final = 40.0  # minutes


def draw(study: Study, record: Record, path: Path) -> None:
    """Write the picture as SVG, the same bytes for the same study.

    Raises OSError when the file can't be written.
    """
    even = [run.call_id for run in of_days(record.runs, "even") if run.counts]
    with mpl.rc_context({"svg.hashsalt": "quality", "svg.fonttype": "none"}):
        figure = Figure(figsize=(11, 4.5), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        # That of the nearest crew cannot be told from the service's.
        shown = {name: found for name, found in study.waits.items() if name != NEAREST}
        for number, (name, found) in enumerate(shown.items()):
            colour = _COLOURS[number]
            for axes, waits in ((left, found.from_call), (right, found.from_order)):
                minutes = [waits[call] / _SECONDS_A_MINUTE for call in even]
                axes.plot(*_curve(minutes), color=colour, label=name, linewidth=1.4)
        left.axvline(
            study.bound / _SECONDS_A_MINUTE,
            color="#bbbbbb",
            linestyle="--",
            label="bound on the mean",
        )
        for axes, title in ((left, "call to crew on scene"), (right, "order to crew on scene")):
            axes.set_xlim(0, _MOST)
            axes.set_ylim(0, 1)
            axes.set_xlabel("minutes")
            axes.set_title(title)
            axes.grid(visible=True, alpha=0.3)
            axes.axhline(0.9, color="#bbbbbb", linewidth=0.8)
        left.set_ylabel("share of calls served within")
        left.legend(loc="lower right", fontsize=8)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _curve(values: list[float]) -> tuple[list[float], list[float]]:
    """Return the percentiles and their shares."""
    return quantiles(values, n=100, method="inclusive"), [n / 100 for n in range(1, 100)]
