"""Rules for the choice of a crew that are tried against the service's own.

All estimate ways by the same line for ordinary runs, without the chance that the world adds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from benchmarks.quality.record import Run
from benchmarks.quality.travel import TravelModel, kilometres
from benchmarks.quality.world import Crew, Dispatcher, World
from dispatch.domain.model import Position

# How long (s) an area waits that no free crew is left for, as the loss of cover counts it.
_NOBODY_LEFT: Final = 1800.0


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule does beyond sending the nearest crew; the defaults do nothing more.

    `gravest_first`: those who wait are served by condition, then age; else by age alone.
    `cover`: how many calls to come the loss of cover counts for, where the patient is stable.
    `cover_within`: a crew farther than the nearest by more (s) is not sent for the sake of cover.
    `nearer_by`: a crew that becomes free takes over a run whose crew would be so much (s) later;
    `shorter_by`: whose crew still has so much farther to go (km).
    `turn_for_grave`: a crew on its way to a stable patient turns to a critical one to whom every
    free crew would be so much (s) later; `exchange_for`: it turns to any new call where both calls
    together are served so much (s) sooner. Another crew goes in its place.
    """

    gravest_first: bool = False
    cover: float = 0.0
    cover_within: float = 0.0
    nearer_by: float | None = None
    shorter_by: float | None = None
    turn_for_grave: float | None = None
    exchange_for: float | None = None


@dataclass(slots=True)
class RuleDispatcher(Dispatcher):
    """Orders crews by a rule; `turned` counts the runs that another crew took over."""

    rule: Rule
    waiting: list[Run] = field(default_factory=list)
    turned: int = 0
    _world: World | None = None
    _areas: tuple[tuple[Position, float], ...] = ()
    _from_post: dict[str, list[float]] = field(default_factory=dict)

    @property
    def world(self) -> World:
        """The world that it works in."""
        assert self._world is not None, "begin comes first"
        return self._world

    @property
    def travel(self) -> TravelModel:
        """How long ways are taken to be."""
        return self.world.travel

    def begin(self, world: World) -> None:
        """Take up the work."""
        self._world = world
        record = world.record
        self._areas = tuple((record.areas[area], share) for area, share in record.demand.items())
        self._from_post = {
            area: self._to_areas(position) for area, position in record.areas.items()
        }

    def call(self, run: Run) -> None:
        """Send a crew, or let the call wait."""
        free = self.world.free_crews()
        crew = self._chosen(run, free) if free else None
        if self.rule.turn_for_grave is not None and run.grave:
            turned = self._to_turn(run, crew)
            if turned is not None:
                self._turn_to(turned, run)
                return
        if self.rule.exchange_for is not None and crew is not None:
            turned = self._to_exchange(run, crew, self.rule.exchange_for)
            if turned is not None:
                self._turn_to(turned, run)
                return
        if crew is None:
            self.waiting.append(run)
        else:
            self.world.order(crew, run)

    def called_off(self, run: Run) -> None:
        """Forget a call that waits; turn its crew round."""
        if run in self.waiting:
            self.waiting.remove(run)
            return
        crew = next(crew for crew in self.world.crews.values() if crew.run is run)
        self.world.turn_round(crew)
        self.free(crew)

    def free(self, crew: Crew) -> None:
        """Serve who waits, or take over a run from a crew that is farther."""
        if self.waiting:
            run = min(self.waiting, key=self._turn)
            self.waiting.remove(run)
            self.world.order(crew, run)
        elif crew.off_at > self.world.now:
            if self.rule.nearer_by is not None:
                self._take_over(crew, self._sooner, self.rule.nearer_by)
            elif self.rule.shorter_by is not None:
                self._take_over(crew, self._shorter, self.rule.shorter_by)

    def _turn(self, run: Run) -> tuple[bool, float, str]:
        return (self.rule.gravest_first and not run.grave, run.received, run.call_id)

    def _chosen(self, run: Run, free: list[Crew]) -> Crew:
        world = self.world
        slope = self.travel.ordinary.slope
        ways = {crew.unit_id: slope * kilometres(world.where(crew), run.scene) for crew in free}
        if not self.rule.cover or run.grave or len(free) == 1:
            return min(free, key=lambda crew: (ways[crew.unit_id], crew.unit_id))
        least = min(ways.values())
        losses = self._losses(free)
        near = [crew for crew in free if ways[crew.unit_id] <= least + self.rule.cover_within]
        return min(
            near,
            key=lambda crew: (
                ways[crew.unit_id] + self.rule.cover * losses[crew.unit_id],
                crew.unit_id,
            ),
        )

    def _losses(self, free: list[Crew]) -> dict[str, float]:
        """Return how much longer (s) the next call would wait on average without each free crew."""
        best = [(_NOBODY_LEFT, "")] * len(self._areas)
        second = [_NOBODY_LEFT] * len(self._areas)
        for crew in free:
            at_post = crew.way.arrives <= self.world.now
            seconds = (
                self._from_post[crew.post] if at_post else self._to_areas(self.world.where(crew))
            )
            for number, there in enumerate(seconds):
                if there < best[number][0]:
                    second[number] = best[number][0]
                    best[number] = (there, crew.unit_id)
                elif there < second[number]:
                    second[number] = there
        losses = dict.fromkeys((crew.unit_id for crew in free), 0.0)
        for (there, unit_id), then, (_, share) in zip(best, second, self._areas, strict=True):
            if unit_id:
                losses[unit_id] += share * (then - there)
        return losses

    def _to_areas(self, position: Position) -> list[float]:
        slope = self.travel.ordinary.slope
        return [slope * kilometres(position, area) for area, _ in self._areas]

    def _take_over(self, crew: Crew, gained: Callable[[Crew, Crew], float], least: float) -> None:
        """Let a free crew take over the run where the most is gained, at least so much."""
        world = self.world
        gains = []
        for other in world.crews.values():
            if other.can_turn:
                gain = gained(crew, other)
                if gain >= least:
                    gains.append((gain, other.unit_id))
        if not gains:
            return
        other = world.crews[max(gains)[1]]
        run = other.run
        assert run is not None, "it was on its way"
        world.turn_round(other)
        world.order(crew, run)
        self.turned += 1
        # In turn it may be nearer than a third.
        self.free(other)

    def _sooner(self, crew: Crew, other: Crew) -> float:
        """Return how much sooner (s) a free crew would come than one on its way."""
        assert other.run is not None, "it is on its way"
        return self._still(other) - self._anew(self.world.where(crew), other.run)

    def _shorter(self, crew: Crew, other: Crew) -> float:
        """Return how much nearer (km) a free crew is than one on its way."""
        assert other.run is not None, "it is on its way"
        scene = other.run.scene
        there = kilometres(self.world.where(other), scene)
        return there - kilometres(self.world.where(crew), scene)

    def _to_turn(self, run: Run, crew: Crew | None) -> Crew | None:
        """Return who is on the way to a stable patient and so much nearer than the nearest free."""
        world = self.world
        assert self.rule.turn_for_grave is not None, "asked for"
        at_most = _NOBODY_LEFT
        if crew is not None:
            at_most = self._anew(world.where(crew), run) - self.rule.turn_for_grave
        found = [
            (self._anew(world.where(other), run), other.unit_id)
            for other in world.crews.values()
            if other.can_turn and other.run is not None and not other.run.grave
        ]
        if not found or min(found)[0] > at_most:
            return None
        return world.crews[min(found)[1]]

    def _to_exchange(self, run: Run, crew: Crew, least: float) -> Crew | None:
        """Return who turns to a new call with the greatest gain for both calls together."""
        world = self.world
        here = [world.where(each) for each in world.free_crews()]
        anew = self._anew(world.where(crew), run)
        best: tuple[float, str] | None = None
        for other in world.crews.values():
            if not other.can_turn or other.run is None or (other.run.grave and not run.grave):
                continue
            saved = anew - self._anew(world.where(other), run)
            if saved < least:
                continue
            lost = min(self._anew(each, other.run) for each in here) - self._still(other)
            gain = (saved - lost, other.unit_id)
            if gain[0] >= least and (best is None or gain > best):
                best = gain
        return None if best is None else world.crews[best[1]]

    def _turn_to(self, crew: Crew, run: Run) -> None:
        left = crew.run
        assert left is not None, "it was on its way"
        self.world.turn_round(crew)
        self.world.order(crew, run)
        self.turned += 1
        free = self.world.free_crews()
        if free:
            self.world.order(self._chosen(left, free), left)
        else:
            self.waiting.append(left)

    def _anew(self, here: Position, run: Run) -> float:
        """Return how long a crew would still need that was ordered now."""
        return run.turnout_seconds + self.travel.line(run).at(kilometres(here, run.scene))

    def _still(self, crew: Crew) -> float:
        """Return how long a crew on its way will still need: the rest of the way as it was."""
        run = crew.run
        assert run is not None, "it is on its way"
        whole = self.travel.line(run).at(kilometres(crew.way.origin, run.scene))
        if crew.rolled_at is None:
            return run.turnout_seconds + self.travel.line(run).at(
                kilometres(self.world.where(crew), run.scene)
            )
        length = crew.way.arrives - crew.way.set_out
        done = (self.world.now - crew.way.set_out) / length if length else 1.0
        return max(0.0, whole * (1 - done))
