"""How short the mean response could be at best for one who knows all calls and ways in advance.

A flow of crews through posts and calls at the least cost: every call that is compared is served by
one crew, which comes from a post where it stood, from the end of its last run, or from the way
back. The true best is among these flows, for they allow more than crews can do:

- a run takes up a crew as briefly as if it had stood at the patient's door;
- after a run a crew may go to whichever post it likes, as if it were any crew on duty;
- nobody is sent to calls that are called off, and a call may be held until a crew is nearer.

Crews stay at posts and on their ways back, as in the world: who may drive ahead to where a call
will come could do better, and in principle so could who turns crews round, or sends them to calls
that are called off, for that leaves them elsewhere. Calls wait for a crew for an hour at most.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from benchmarks.quality.record import Record, Run
from benchmarks.quality.responses import Days, of_days
from benchmarks.quality.travel import TravelModel
from dispatch.domain.model import Position
from dispatch.domain.travel import EARTH_RADIUS_METRES

# So long (s) may a call wait for a crew, and a crew stay on after its shift to serve who waits.
_LONGEST_WAIT: Final = 3600.0
# More crews than there are.
_MANY: Final = 10_000
# Costs are whole tenths of a second.
_PARTS: Final = 10
# A flat map of a city is so much too long at most.
_FLATNESS: Final = 0.999

Floats = NDArray[np.float64]


class Unbounded(Exception):
    """There is no flow: more calls at once than crews can serve within the longest wait."""


@dataclass(slots=True)
class _Arcs:
    """Arcs of the flow, collected before they are handed over."""

    tails: list[int] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)
    capacities: list[int] = field(default_factory=list)
    costs: list[int] = field(default_factory=list)

    def add(self, tail: int, head: int, cost: float = 0.0, capacity: int = 1) -> None:
        """Add an arc; its cost (s) is rounded down."""
        self.tails.append(tail)
        self.heads.append(head)
        self.capacities.append(capacity)
        self.costs.append(int(cost * _PARTS))


class _Map:
    """Places on a flat map, in kilometres; distances are never longer than on the globe."""

    def __init__(self, middle: Position) -> None:
        self._middle = middle
        degree = np.radians(1.0) * EARTH_RADIUS_METRES / 1000.0
        self._scale = np.array([np.cos(np.radians(middle.latitude)) * degree, degree])
        self._scale *= _FLATNESS

    def at(self, places: Sequence[Position]) -> Floats:
        """Return a row of coordinates for each place."""
        about = np.array([[place.longitude, place.latitude] for place in places])
        middle = np.array([self._middle.longitude, self._middle.latitude])
        return np.asarray((about - middle) * self._scale)


def least_mean(record: Record, travel: TravelModel, days: Days, *, seed: int) -> float:
    """Return a lower bound (s) on the mean response of the odd or even days, from the call on.

    The ways take what they take in a world of this seed.

    Raises:
        Unbounded: there are too few crews.
    """
    network = _Network(record, travel, days, seed)
    network.add_posts()
    network.add_ways_back()
    network.add_shifts()
    return network.least_cost() / network.counted


class _Network:
    """The flow: a node before and after each call, one a post and call's time, two a shift."""

    def __init__(self, record: Record, travel: TravelModel, days: Days, seed: int) -> None:
        # In the order of their times, as the record has them.
        runs = [run for run in record.runs if run.counts]
        counted = {run.call_id for run in of_days(runs, days)}
        self.counted = len(counted)
        self._calls = len(runs)
        self._shifts = record.shifts
        self._posts = sorted({shift.post for shift in record.shifts})
        flat = _Map(record.areas[self._posts[0]])
        self._scenes = flat.at([run.scene for run in runs])
        self._ends = flat.at([run.end for run in runs])
        self._where = flat.at([record.areas[post] for post in self._posts])
        self._pace = travel.ordinary.slope
        self._ready = np.array([run.ready for run in runs])
        factors = np.array([travel.factor(run, seed) for run in runs])
        self._slopes = factors * np.array([travel.line(run).slope for run in runs])
        # What a response takes however near the crew is.
        on_the_way = np.array([run.turnout_seconds for run in runs])
        on_the_way += factors * np.array([travel.line(run).intercept for run in runs])
        self._fixed = on_the_way + self._ready - np.array([run.received for run in runs])
        self._free = self._ready + on_the_way + np.array([_work_of(run) for run in runs])
        self._weights = np.array([float(run.call_id in counted) for run in runs])
        self._arcs = _Arcs()
        self._supplies = dict.fromkeys(range(self._calls), -1)
        self._supplies |= dict.fromkeys(range(self._calls, 2 * self._calls), 1)
        apart = self._scenes[:, None] - self._where[None]
        slopes = self._slopes[:, None] * np.linalg.norm(apart, axis=2)
        self._from_posts = self._weights[:, None] * (self._fixed[:, None] + slopes)
        apart = self._ends[:, None] - self._where[None]
        self._home = self._free[:, None] + self._pace * np.linalg.norm(apart, axis=2)

    def add_posts(self) -> None:
        """Add the posts: crews stand there, leave for a call, and come back after it."""
        arcs = self._arcs
        for post in range(len(self._posts)):
            for call, cost in enumerate(self._from_posts[:, post].tolist()):
                arcs.add(self._post(post, call), call, cost)
                if call + 1 < self._calls:
                    arcs.add(self._post(post, call), self._post(post, call + 1), capacity=_MANY)
        for call in range(self._calls):
            for post, at in enumerate(np.searchsorted(self._ready, self._home[call]).tolist()):
                if at < self._calls:
                    arcs.add(self._calls + call, self._post(post, at))

    def add_ways_back(self) -> None:
        """Add the ways from the end of a run, or from anywhere on the way back, to a next call.

        Where the way back is the quicker one, a call may be held until the crew has come nearer.
        """
        slopes = np.minimum(self._slopes, self._pace)
        for call, free in enumerate(self._free.tolist()):
            begin = int(np.searchsorted(self._ready, free - _LONGEST_WAIT))
            end = int(np.searchsorted(self._ready, self._home[call].max()))
            nexts = np.arange(begin, end)
            nexts = nexts[nexts != call]
            if not nexts.size:
                continue
            driven = np.maximum(0.0, self._ready[nexts] - free) / self._pace
            nearest = _to_ways(self._ends[call], self._where, self._scenes[nexts], driven)
            costs = np.maximum(0.0, free - self._ready[nexts])
            costs += self._fixed[nexts] + slopes[nexts] * nearest
            costs *= self._weights[nexts]
            for after, cost in zip(nexts.tolist(), costs.tolist(), strict=True):
                self._arcs.add(self._calls + call, after, cost)

    def add_shifts(self) -> None:
        """Add the shifts: who comes on duty, and that as many go off as do."""
        arcs = self._arcs
        on = 2 * self._calls + len(self._posts) * self._calls
        off = on + len(self._shifts)
        ends = sorted(shift.ends for shift in self._shifts)
        taken: Counter[float] = Counter()
        for number, shift in enumerate(self._shifts):
            gone = off + ends.index(shift.ends) + taken[shift.ends]
            taken[shift.ends] += 1
            self._supplies[on + number] = 1
            self._supplies[gone] = -1
            post = self._posts.index(shift.post)
            at = int(np.searchsorted(self._ready, shift.begins))
            if at < self._calls:
                arcs.add(on + number, self._post(post, at))
            arcs.add(on + number, gone)
            first = int(np.searchsorted(self._ready, shift.begins - _LONGEST_WAIT))
            for call in range(first, at):
                waited = self._weights[call] * (shift.begins - self._ready[call])
                arcs.add(on + number, call, float(waited + self._from_posts[call, post]))
            last = int(np.searchsorted(self._ready, shift.ends)) - 1
            if last >= at:
                arcs.add(self._post(post, last), gone)
        for before, after in pairwise(range(off, off + len(ends))):
            arcs.add(before, after, capacity=_MANY)
        # A crew may end its last run after its shift.
        late = np.searchsorted(np.array(ends), self._ready - _LONGEST_WAIT).tolist()
        for call, at in enumerate(late):
            if at < len(ends):
                arcs.add(self._calls + call, off + at)

    def least_cost(self) -> float:
        """Return the least cost of the flow (s)."""
        arcs = self._arcs
        # Its annotations are those of an older numpy.
        flow: Any = SimpleMinCostFlow()
        flow.add_arcs_with_capacity_and_unit_cost(
            np.array(arcs.tails, dtype=np.int32),
            np.array(arcs.heads, dtype=np.int32),
            np.array(arcs.capacities, dtype=np.int64),
            np.array(arcs.costs, dtype=np.int64),
        )
        flow.set_nodes_supplies(
            np.array(list(self._supplies), dtype=np.int32),
            np.array(list(self._supplies.values()), dtype=np.int64),
        )
        if flow.solve() != flow.OPTIMAL:
            raise Unbounded("there are too few crews for the calls")
        return float(flow.optimal_cost()) / _PARTS

    def _post(self, post: int, call: int) -> int:
        return 2 * self._calls + post * self._calls + call


def _work_of(run: Run) -> float:
    return (run.scene_seconds or 0.0) + (run.transport_seconds or 0.0) + run.stay_seconds


def _to_ways(origin: Floats, posts: Floats, scenes: Floats, driven: Floats) -> Floats:
    """Return how near to each scene a crew is that has driven at most so far to any post."""
    ways = posts - origin
    lengths = np.linalg.norm(ways, axis=1)
    units = ways / np.maximum(lengths, 1e-9)[:, None]
    along = (scenes - origin) @ units.T
    along = np.clip(along, 0.0, np.minimum(lengths[None], driven[:, None]))
    points = origin + along[:, :, None] * units[None]
    return np.asarray(np.linalg.norm(scenes[:, None] - points, axis=2).min(axis=1))
