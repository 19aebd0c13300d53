"""The city of the record on SimPy's clock: calls come, crews drive, work and drive back.

What no choice of a unit changes is as recorded: when calls come and where, how long crews take to
roll, on scene, to the hospital and there. Who goes is for a dispatcher to say, and nothing else.
Times are seconds from the start of the record.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Literal

import simpy

from benchmarks.quality.record import Record, Run, Shift
from benchmarks.quality.travel import TravelModel
from dispatch.domain.model import Position

Waits = Generator[simpy.Event, object, None]
Reached = Literal["rolling", "on_scene", "transporting", "at_hospital"]


@dataclass(frozen=True, slots=True)
class Way:
    """A drive from one place to another; who has arrived stays there."""

    origin: Position
    goal: Position
    set_out: float
    arrives: float

    def at(self, now: float) -> Position:
        """Return where the crew is."""
        if now >= self.arrives:
            return self.goal
        done = (now - self.set_out) / (self.arrives - self.set_out)
        return self.origin.towards(self.goal, done)


@dataclass(slots=True)
class Crew:
    """A crew as the world knows it; `run` is what it is ordered to until it is free again."""

    unit_id: str
    way: Way
    post: str = ""
    on_duty: bool = False
    off_at: float = 0.0
    run: Run | None = None
    rolled_at: float | None = None
    met_patient: bool = False
    process: simpy.Process | None = None

    @property
    def free(self) -> bool:
        """Whether it can be ordered."""
        return self.on_duty and self.run is None

    @property
    def can_turn(self) -> bool:
        """Whether it is on its way to a patient whom it has not met."""
        return self.run is not None and not self.met_patient


@dataclass(slots=True)
class Response:
    """When somebody was first ordered to a call, and when a crew came."""

    ordered: float | None = None
    on_scene: float | None = None


class Dispatcher:
    """Who says which crew goes; whatever it is told, it may order crews there and then."""

    def begin(self, world: "World") -> None:
        """Take up the work: nobody is on duty yet."""
        raise NotImplementedError

    def call(self, run: Run) -> None:
        """A call has been entered."""
        raise NotImplementedError

    def called_off(self, run: Run) -> None:
        """A call is called off, and nobody has met the patient; who is on the way turns round."""
        raise NotImplementedError

    def free(self, crew: Crew) -> None:
        """A crew has come on duty, or sets out for its post."""
        raise NotImplementedError

    def home(self, crew: Crew) -> None:
        """A crew has come back to its post."""

    def gone(self, crew: Crew) -> None:
        """A crew has gone off duty."""

    def reached(self, crew: Crew, run: Run, what: Reached) -> None:
        """A crew is a step further in its run."""

    def ended(self, crew: Crew, run: Run) -> float:
        """The run has ended; return for how many more seconds the vehicle is of no use."""
        del crew, run
        return 0.0

    def usable(self, crew: Crew) -> None:
        """The vehicle is of use again."""


@dataclass(slots=True)
class World:
    """The city under a dispatcher: `run` plays the record, `responses` has what came of it."""

    record: Record
    travel: TravelModel
    dispatcher: Dispatcher
    seed: int
    env: simpy.Environment = field(default_factory=simpy.Environment)
    crews: dict[str, Crew] = field(default_factory=dict)
    responses: dict[str, Response] = field(default_factory=dict)

    def play(self) -> dict[str, Response]:
        """Play the whole record, until all work is done; return the responses by call."""
        for run in self.record.runs:
            self.responses[run.call_id] = Response()
        for unit_id in sorted({shift.unit_id for shift in self.record.shifts}):
            where = next(s.post for s in self.record.shifts if s.unit_id == unit_id)
            post = self.record.areas[where]
            self.crews[unit_id] = Crew(unit_id, Way(post, post, 0.0, 0.0), where)
        self.dispatcher.begin(self)
        for shift in self.record.shifts:
            self.env.process(self._shift(shift))
        self.env.process(self._calls(self.record.runs))
        self.env.run()
        return self.responses

    @property
    def now(self) -> float:
        """The time."""
        return float(self.env.now)

    def where(self, crew: Crew) -> Position:
        """Return where a crew is now."""
        return crew.way.at(self.now)

    def free_crews(self) -> list[Crew]:
        """Return who can be ordered, by id."""
        return [crew for crew in self.crews.values() if crew.free]

    def order(self, crew: Crew, run: Run) -> None:
        """Order a free crew to a call."""
        assert crew.free, f"{crew.unit_id} is not free"
        response = self.responses[run.call_id]
        if response.ordered is None:
            response.ordered = self.now
        here = self.where(crew)
        crew.way = Way(here, here, self.now, self.now)
        crew.run = run
        crew.process = self.env.process(self._serve(crew, run))

    def turn_round(self, crew: Crew) -> None:
        """Call a crew back that has not met its patient: it is free, on its way to its post."""
        assert crew.can_turn, f"{crew.unit_id} is with a patient"
        assert crew.process is not None, "who has a run is on it"
        crew.process.interrupt()
        crew.run = crew.rolled_at = None
        self._set_out(crew)

    def _calls(self, runs: Iterable[Run]) -> Waits:
        for run in runs:
            yield self.env.timeout(max(0.0, run.ready - self.now))
            self.dispatcher.call(run)
            if run.scene_seconds is None:
                self.env.process(self._call_off(run))

    def _call_off(self, run: Run) -> Waits:
        yield self.env.timeout(max(0.0, run.ends - self.now))
        if self.responses[run.call_id].on_scene is None:
            self.dispatcher.called_off(run)

    def _shift(self, shift: Shift) -> Waits:
        yield self.env.timeout(shift.begins)
        crew = self.crews[shift.unit_id]
        crew.off_at, crew.post = shift.ends, shift.post
        if not crew.on_duty:
            post = self.record.areas[shift.post]
            crew.way = Way(post, post, self.now, self.now)
            crew.on_duty = True
            self.dispatcher.free(crew)
        yield self.env.timeout(shift.ends - shift.begins)
        if crew.free and crew.off_at <= self.now:
            self._go_off(crew)

    def _serve(self, crew: Crew, run: Run) -> Waits:
        try:
            yield self.env.timeout(run.turnout_seconds)
            origin = self.where(crew)
            seconds = self.travel.seconds(origin, run, self.travel.factor(run, self.seed))
            crew.way = Way(origin, run.scene, self.now, self.now + seconds)
            crew.rolled_at = self.now
            self.dispatcher.reached(crew, run, "rolling")
            yield self.env.timeout(seconds)
        except simpy.Interrupt:
            return
        crew.met_patient = True
        self.responses[run.call_id].on_scene = self.now
        self.dispatcher.reached(crew, run, "on_scene")
        if run.scene_seconds is None:
            yield self.env.timeout(max(0.0, run.ends - self.now))
        else:
            yield self.env.timeout(run.scene_seconds)
        if run.transport_seconds is not None:
            self.dispatcher.reached(crew, run, "transporting")
            yield self.env.timeout(run.transport_seconds)
            crew.way = Way(run.end, run.end, self.now, self.now)
            self.dispatcher.reached(crew, run, "at_hospital")
            yield self.env.timeout(run.stay_seconds)
        crew.run = crew.rolled_at = None
        crew.met_patient = False
        # Whoever has no bed to wait for may be ordered on as the run ends.
        useless = self.dispatcher.ended(crew, run)
        if not crew.free:
            return
        if useless:
            crew.run = run
            crew.met_patient = True
            yield self.env.timeout(useless)
            crew.run = None
            crew.met_patient = False
            self.dispatcher.usable(crew)
        if crew.free:
            # Who ends a run after the end of its shift takes who waits, or goes home.
            self._set_out(crew)
            self.dispatcher.free(crew)

    def _set_out(self, crew: Crew) -> None:
        """Let a crew drive to its post, or home if its shift is over."""
        here, post = self.where(crew), self.record.areas[crew.post]
        arrives = self.now + self.travel.back_seconds(here, post)
        crew.way = Way(here, post, self.now, arrives)
        crew.process = self.env.process(self._drive_back(crew, crew.way))

    def _drive_back(self, crew: Crew, way: Way) -> Waits:
        if crew.off_at <= self.now:
            # A moment later: who turned it round may have the next order for it.
            yield self.env.timeout(0)
            if crew.free and crew.way is way:
                self._go_off(crew)
            return
        yield self.env.timeout(way.arrives - self.now)
        if crew.free and crew.way is way:
            self.dispatcher.home(crew)

    def _go_off(self, crew: Crew) -> None:
        crew.on_duty = False
        self.dispatcher.gone(crew)
