"""Hand-made event logs: each method adds the events that the service would write."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch.indicators.computation import compute
from dispatch.indicators.figures import Figure
from dispatch.policy.decision import Facts, decide
from dispatch.policy.pack import load_pack
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.envelope import Logged

START = datetime(2022, 3, 1, tzinfo=UTC)
PACK = load_pack("covid-19")
HERE, THERE = "150702", "150784"
NEGATIVE = dict.fromkeys(("travel", "residence", "close_contact", "exposure"), "no")


@dataclass
class Log:
    """A log that grows; `minute` counts from START and only goes forward."""

    events: list[Logged] = field(default_factory=list)

    def add(self, topic: str, key: str, kind: str, minute: float, /, **data: Any) -> Logged:
        at = START + timedelta(minutes=minute)
        position = len(self.events) + 1
        said = data if kind == "call.decided" else {"at": timestamp(at), **data}
        event = Logged(position, f"e{position}", topic, key, kind, at, said)
        self.events.append(event)
        return event

    def decided(
        self,
        incident: str,
        minute: float = 0,
        *,
        symptoms: tuple[str, ...] = (),
        condition: Any = "stable",
        case_status: Any = "none",
        answers: dict[str, Any] | None = None,
        institution: bool = False,
        transfer_kind: str | None = None,
        district: str = HERE,
        complaint: str | None = None,
    ) -> Logged:
        now = START + timedelta(minutes=minute)
        facts = Facts(
            call_id=incident,
            received_at=now,
            caller_kind="institution" if institution else "public",
            can_admit_suspected=False if institution else None,
            condition=condition,
            symptoms=symptoms,
            case_status=case_status,
            epidemiology=answers or {},
            transfer_kind=transfer_kind,
            complaints=(complaint,) if complaint else (),
        )
        decision = decide(facts, PACK, now).as_dict()
        return self.add(
            "incidents", incident, "call.decided", minute, call_id=incident,
            incident_id=incident, because="test", decision=decision, district=district,
        )  # fmt: skip

    def ordered(
        self,
        incident: str,
        minute: float,
        *,
        unit: str = "U1",
        number: int = 1,
        crew: str = "regular",
        ppe: str = "standard",
        why: tuple[str, ...] = (),
    ) -> str:
        run = f"{incident}/A{number}"
        about = {"assignment_id": run, "incident_id": incident, "unit_id": unit}
        self.add(
            "incidents", incident, "incident.assigned", minute, crew=crew, ppe=ppe,
            why=list(why), **about,
        )  # fmt: skip
        self.add("orders", unit, "order.issued", minute, crew=crew, ppe={"level": ppe}, **about)
        return run

    def amended(self, run: str, minute: float, ppe: str, unit: str = "U1") -> None:
        self.add(
            "orders", unit, "order.amended", minute, assignment_id=run, unit_id=unit,
            incident_id=run.partition("/")[0], ppe={"level": ppe},
        )  # fmt: skip

    def progressed(self, run: str, minute: float, status: str = "on_scene") -> None:
        incident = run.partition("/")[0]
        self.add(
            "incidents", incident, "incident.progressed", minute, incident_id=incident,
            assignment_id=run, unit_id="U1", status=status,
        )  # fmt: skip

    def handed_over(
        self,
        run: str,
        minute: float,
        *,
        unit: str = "U1",
        hospital: str = "H1",
        disinfection: str = "routine",
        keeps_cases: bool = False,
        end: str = "closed",
    ) -> str:
        handover = f"{run}/H1"
        self.add(
            "handovers", hospital, f"handover.{end}", minute, handover_id=handover,
            hospital_id=hospital, assignment_id=run, incident_id=run.partition("/")[0],
            unit_id=unit, disinfection=disinfection, keeps_cases=keeps_cases,
        )  # fmt: skip
        return handover

    def closed(self, incident: str, minute: float) -> None:
        self.add(
            "incidents", incident, "incident.closed", minute, incident_id=incident,
            outcome="completed", calls=[incident],
        )  # fmt: skip

    def found(
        self,
        incident: str,
        minute: float,
        *,
        run: str | None = None,
        status: str = "confirmed",
        attempt: int = 1,
        district: str = HERE,
    ) -> None:
        self.add(
            "reports", incident, "case.reported", minute, report_id=f"{incident}/R1",
            attempt=attempt, incident_id=incident, district=district, case_status=status,
            before="none", assignment_id=run, hospital_id=None,
            found_by="call" if run is None else "crew",
        )  # fmt: skip

    def occupied(
        self,
        promise: str,
        minute: float,
        *,
        hospital: str = "H1",
        room: str = "isolation",
        status: str = "confirmed",
    ) -> None:
        self.add(
            "beds", hospital, "bed.occupied", minute, promise_id=promise, hospital_id=hospital,
            incident_id=promise.partition("/")[0], room=room, place=1, case_status=status,
        )  # fmt: skip

    def vacated(
        self, promise: str, minute: float, *, hospital: str = "H1", outcome: str = "discharged"
    ) -> None:
        self.add(
            "beds", hospital, "bed.vacated", minute, promise_id=promise, hospital_id=hospital,
            room="isolation", free=1, outcome=outcome,
        )  # fmt: skip

    def clock(
        self, kind: str, owner: str, minute: float, *, clock: str, district: str = HERE, **data: Any
    ) -> None:
        self.add(
            "clocks", owner, f"clock.{kind}", minute, clock_id=f"{owner}/{clock}", kind=clock,
            owner=owner, subject=owner, district=district, **data,
        )  # fmt: skip

    def figures(self, **scope: Any) -> dict[str, Figure]:
        return {each.indicator.name: each for each in compute(self.events, PACK, **scope)}

    def whys(self, name: str, **scope: Any) -> list[str]:
        """Return why each finding of an indicator was counted."""
        return [finding.why for finding in self.figures(**scope)[name].findings]

    def types(self, figure: Figure) -> list[str]:
        """Return the types of the events behind a figure."""
        return [self.events[each.position - 1].type for each in figure.events]
