"""A second reading of the log: the indicators once more, from its records as JSON and nothing else.

Written from `docs/indicators.md`, the schemas and the plan, not from the service's own computation:
of the two, one is wrong where they differ. It knows nothing of `dispatch`. The numbers of the pack
that it needs are said here, with where they come from.

It reads the whole log as often as it likes, and forgets nothing.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from heapq import merge
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid5

Record = dict[str, Any]

PPE = {"standard": 0, "enhanced": 1, "full": 2}
# Zero indicators and six none: 0. Time: the share of section 8; where there is none, all of them.
SHARES = {"call_answered": 0.95, "accepted_to_order": 0.90, "order_to_rolling": 0.95}
CLOCKS = (
    *("call_answered", "accepted_to_order", "order_to_rolling", "case_reported"),
    *("crossing_reported", "result_fever_clinic", "result_other", "survey", "reserve_emptied"),
    *("reserve_in_service", "temporary_in_service", "transfer_answered", "follow_up"),
)
FALLBACKS = ("regular_instead_of_transfer", "transfer_as_last_resort", "any_vehicle")
FOR_CASES = ("isolation", "negative_pressure", "icu")
GENERAL = ("emergency", "ward")
TREATED = ("confirmed", "asymptomatic")
ONWARD = UUID("2c8a6e0e-3b52-5d0b-8d0a-9a7f6b1c4e5d")
TRACED = timedelta(days=14)


def when(record: Record) -> datetime:
    """Return when an event happened, by what it says itself."""
    said = record["data"]
    return datetime.fromisoformat(said["at"] if "at" in said else said["decision"]["decided_at"])


class Reading:
    """The log, and what is read in it."""

    def __init__(
        self,
        log: list[Record],
        *,
        mode: str = "epidemic",
        begins: datetime | None = None,
        ends: datetime | None = None,
        district: str | None = None,
    ) -> None:
        self.log = log
        self.by_type: defaultdict[str, list[Record]] = defaultdict(list)
        for each in log:
            self.by_type[each["type"]].append(each)
        self.mode = mode
        self.begins, self.ends, self.district = begins, ends, district
        self.where: dict[str, str | None] = {}
        for each in self.of("call.decided"):
            self.where[each["data"]["incident_id"]] = each["data"]["district"]
        # The run that brings the patient of a promised place, where that is the handover's own.
        self.run_of = {
            each["data"]["handover_id"]: each["data"]["assignment_id"]
            for each in self.of("handover.announced")
        }
        self.beds: dict[str, list[str]] = {}
        reserved: dict[tuple[str, str, int], str] = {}
        for each in self.of("bed.reserved", "handover.announced"):
            said = each["data"]
            if each["type"] == "bed.reserved":
                place = said["hospital_id"], said["room"], said["place"]
                reserved[place] = said["reservation_id"]
            else:
                beds = [
                    reserved[said["hospital_id"], bed["room"], bed["place"]] for bed in said["beds"]
                ]
                self.beds[said["handover_id"]] = [said["handover_id"], *beds]
        # Whom an onward transfer moves: its id follows from the handover's (decision 4).
        self.onward = {
            f"transfer-{uuid5(ONWARD, handover_id)}": handover_id for handover_id in self.run_of
        }
        self.moved = {
            self.onward[each["data"]["incident_id"]]: each
            for each in reversed(list(self.of("call.decided")))
            if each["data"]["incident_id"] in self.onward
        }

    def of(self, *kinds: str, **fields: Any) -> Iterator[Record]:
        """Yield the records of some types in the order of the log, with these values in fields."""
        for each in merge(*(self.by_type[kind] for kind in kinds), key=itemgetter("position")):
            said = each["data"]
            if all(said.get(k) == v for k, v in fields.items()):
                yield each

    def past(self, record: Record) -> bool:
        """Return whether an event is after the range."""
        return self.ends is not None and when(record) >= self.ends

    def counts(self, record: Record, incident_id: str | None) -> bool:
        """Return whether what an event brought about counts: in the range, in the district."""
        early = self.begins is not None and when(record) < self.begins
        here = self.district is None or self.where.get(incident_id or "") == self.district
        return not early and not self.past(record) and here

    def figures(self) -> dict[str, Any]:
        """Return every figure: of what is counted the positions, each as often as it counts."""
        counted: dict[str, Callable[[], list[tuple[Record, str | None]]]] = {
            "missed_screenings": self.missed_screenings,
            "dispatch_errors": self.dispatch_errors,
            "crew_exposures": self.crew_exposures,
            "crew_infections": self.infections,
            "staff_infected": self.infections,
            "spill_overs": self.spill_overs,
            "departures": self.departures,
            "deaths_in_transfer": lambda: self.deaths("transporting", "at_hospital"),
            "deaths_on_scene": lambda: self.deaths("on_scene"),
            "dispatcher_overrides": self.overrides,
            "case_deaths": self.case_deaths,
        }
        for why in FALLBACKS:
            counted[why] = lambda why=why: self.fallbacks(why)  # type: ignore[misc]
        found: dict[str, Any] = {
            name: sorted(
                record["position"] for record, about in read() if self.counts(record, about)
            )
            for name, read in counted.items()
        }
        return found | self.standing() | self.times() | self.fleet()

    # -- what was decided and ordered

    def decision(self, incident_id: str, before: Record) -> Record | None:
        """Return the last decision on an incident before an event."""
        found = None
        for each in self.of("call.decided", incident_id=incident_id):
            if each["position"] > before["position"]:
                break
            found = each["data"]["decision"]
        return found

    def mode_at(self, record: Record) -> str:
        mode = self.mode
        for each in self.of("city.mode_changed"):
            if each["position"] < record["position"]:
                mode = each["data"]["mode"]
        return mode

    def missed_screenings(self) -> list[tuple[Record, str | None]]:
        """120 plan §4: a symptomatic caller is asked all four, before the deadline and the crew."""
        missed: dict[str, Record] = {}
        for each in self.of("screening.expired"):
            (incident_id,) = {
                decided["data"]["incident_id"]
                for decided in list(self.of("call.decided", call_id=each["data"]["call_id"]))[-1:]
            }
            if each["data"]["unasked"]:
                missed.setdefault(incident_id, each)
        for incident_id in self.where:
            arrivals = self.of("incident.progressed", incident_id=incident_id, status="on_scene")
            first = next(arrivals, None)
            decided = None if first is None else self.decision(incident_id, first)
            if first is None or decided is None or "transfer_kind" in decided["inputs"]:
                continue
            asked = decided["inputs"]["evidence"] != "none" and decided["questions"]
            if (
                asked
                and first["position"] < missed.get(incident_id, {"position": math.inf})["position"]
            ):
                missed[incident_id] = first
        return [(each, incident_id) for incident_id, each in missed.items()]

    def orders(self) -> Iterator[tuple[Record, Record]]:
        """Yield every run as the consoles saw it ordered, and as its crew was told."""
        told = {each["data"]["assignment_id"]: each for each in self.of("order.issued")}
        for each in self.of("incident.assigned"):
            yield each, told[each["data"]["assignment_id"]]

    def dispatch_errors(self) -> list[tuple[Record, str | None]]:
        """120 plan §4: the crew that the decision asks for, dressed as it asks, and told so."""
        wrong: list[tuple[Record, str | None]] = []
        for assigned, order in self.orders():
            said = assigned["data"]
            asked = self.decision(said["incident_id"], assigned)
            told = PPE[order["data"]["ppe"]["level"]] < PPE[said["ppe"]]
            if asked is None or asked["action"] != "dispatch":  # noqa: SIM114 - two reasons
                wrong.append((assigned, said["incident_id"]))
            elif PPE[said["ppe"]] < PPE[asked["ppe"]] or self.another_crew(assigned, asked):
                wrong.append((assigned, said["incident_id"]))
            elif told:
                wrong.append((order, said["incident_id"]))
        return wrong

    def another_crew(self, assigned: Record, asked: Record) -> bool:
        said = assigned["data"]
        allowed = set(FALLBACKS) & set(said["why"]) or self.by_dispatcher(assigned)
        shared = self.mode_at(assigned) == "routine" and asked["crew"] == "regular"
        return said["crew"] != asked["crew"] and not allowed and not shared

    def by_dispatcher(self, assigned: Record) -> bool:
        """The dispatcher chose the unit, or had said which kind of crew shall go."""
        said = assigned["data"]
        asked_for = None
        for each in self.of("incident.overridden", incident_id=said["incident_id"]):
            if each["position"] < assigned["position"]:
                asked_for = each["data"]["crew"] or asked_for
        return "dispatcher_choice" in said["why"] or asked_for == said["crew"]

    def fallbacks(self, why: str) -> list[tuple[Record, str | None]]:
        return [
            (each, each["data"]["incident_id"])
            for each in self.of("incident.assigned")
            if why in each["data"]["why"]
        ]

    def overrides(self) -> list[tuple[Record, str | None]]:
        """Another crew kind by the dispatcher's word."""
        found: list[tuple[Record, str | None]] = []
        for each in self.of("incident.assigned"):
            said = each["data"]
            asked = self.decision(said["incident_id"], each)
            crew = None if asked is None else asked["crew"]
            if crew not in (None, said["crew"]) and self.by_dispatcher(each):
                found.append((each, said["incident_id"]))
        return found

    # -- who was exposed

    def crew_exposures(self) -> list[tuple[Record, str | None]]:
        """A crew that met a case, known or found later, in less than the rules ask for it."""
        exposed: dict[str, tuple[Record, str | None]] = {}
        met: defaultdict[str, list[tuple[Record, Record]]] = defaultdict(list)
        level: dict[str, int] = {}
        worn: dict[str, int] = {}
        for each in self.log:
            said = each["data"]
            if each["type"] in ("order.issued", "order.amended"):
                level[said["assignment_id"]] = PPE[said["ppe"]["level"]]
            elif each["type"] == "incident.progressed" and said["status"] == "on_scene":
                run, incident_id = said["assignment_id"], said["incident_id"]
                asked = self.decision(incident_id, each)
                if asked is None:
                    continue
                met[incident_id].append((each, asked))
                worn[run] = level[run]
                known = asked["inputs"]["known_case"] or self.found_before(incident_id, each)
                if known and level[run] < case_ppe(asked):
                    exposed.setdefault(run, (each, incident_id))
            elif each["type"] == "case.reported" and said["attempt"] == 1:
                for meeting, asked in met[said["incident_id"]]:
                    run = meeting["data"]["assignment_id"]
                    named = said["assignment_id"] in (None, run)
                    late = when(each) - when(meeting) > TRACED
                    if named and not late and worn[run] < case_ppe(asked):
                        exposed.setdefault(run, (each, said["incident_id"]))
        carried = [
            (each, each["data"]["incident_id"])
            for each in self.of("escalation.raised", kind="crew_exposed")
        ]
        return [*exposed.values(), *carried]

    def found_before(self, incident_id: str, record: Record) -> bool:
        return any(
            each["position"] < record["position"]
            for each in self.of("case.reported", incident_id=incident_id)
        )

    def infections(self) -> list[tuple[Record, str | None]]:
        return [(each, each["data"]["incident_id"]) for each in self.of("infection.recorded")]

    def departures(self) -> list[tuple[Record, str | None]]:
        return [
            (each, each["data"]["incident_id"]) for each in self.of("departure.reported", attempt=1)
        ]

    def deaths(self, *statuses: str) -> list[tuple[Record, str | None]]:
        return [
            (each, each["data"]["incident_id"])
            for each in self.of("death.recorded")
            if each["data"]["status"] in statuses
        ]

    # -- what spilled over

    def spill_overs(self) -> list[tuple[Record, str | None]]:
        return [*self.undisinfected(), *self.astray(), *self.mixed()]

    def undisinfected(self) -> list[tuple[Record, str | None]]:
        dirty: set[str] = set()
        found: list[tuple[Record, str | None]] = []
        for each in self.log:
            said = each["data"]
            match each["type"]:
                case "handover.closed" | "handover.released" if said["disinfection"] == "terminal":
                    # The crew may have been through with it before the hospital signed.
                    job = f"{said['assignment_id']}/D"
                    done = next(self.of("disinfection.accepted", job_id=job), None)
                    if done is None or done["position"] > each["position"]:
                        dirty.add(said["unit_id"])
                case "disinfection.ordered":
                    dirty.add(said["unit_id"])
                case "disinfection.accepted":
                    dirty.discard(said["unit_id"])
                case "order.issued" if said["unit_id"] in dirty:
                    found.append((each, said["incident_id"]))
        return found

    def astray(self) -> list[tuple[Record, str | None]]:
        """A case in a hospital that is not for cases, whom nobody has asked to be moved on."""
        found: list[tuple[Record, str | None]] = []
        for each in self.of("handover.closed", "handover.released"):
            said = each["data"]
            if said["keeps_cases"] or self.again(each):
                continue
            case = self.became_a_case(said["incident_id"], said["assignment_id"], each)
            onward = self.moved.get(said["handover_id"])
            if case is not None and (onward is None or self.past(onward)):
                found.append((max(case, each, key=itemgetter("position")), said["incident_id"]))
        return found

    def again(self, record: Record) -> bool:
        """Return whether a handover that was released was closed before, or the other way round."""
        handover_id = record["data"]["handover_id"]
        first = next(self.of("handover.closed", "handover.released", handover_id=handover_id))
        return first is not record

    def became_a_case(self, incident_id: str, run: str, handed: Record) -> Record | None:
        """Return the event by which the patient of a run was, or was found to be, a case."""
        for each in self.log:
            said = each["data"]
            if said.get("incident_id") != incident_id:
                continue
            if each["type"] == "case.reported" and said["assignment_id"] in (None, run):
                return each
            before = each["type"] == "call.decided" and each["position"] < handed["position"]
            if before and said["decision"]["inputs"]["known_case"]:
                return each
        return None

    def mixed(self) -> list[tuple[Record, str | None]]:
        """A hospital in which cases and ordinary patients come to lie."""
        inside: defaultdict[str, dict[str, Record]] = defaultdict(dict)
        status: dict[str, str] = {}
        was: dict[str, bool] = {}
        found: list[tuple[Record, str | None]] = []
        for each in self.log:
            said = each["data"]
            hospitals = []
            match each["type"]:
                case "bed.occupied":
                    inside[said["hospital_id"]][said["promise_id"]] = each
                    status[said["promise_id"]] = said["case_status"]
                    hospitals = [said["hospital_id"]]
                case "bed.vacated":
                    inside[said["hospital_id"]].pop(said["promise_id"], None)
                    hospitals = [said["hospital_id"]]
                case "service.changed" if said["service"] == "emptied":
                    inside[said["hospital_id"]].clear()
                    hospitals = [said["hospital_id"]]
                case "case.reported":
                    for hospital_id, lying in inside.items():
                        for promise_id, bed in lying.items():
                            if self.is_of(bed, said):
                                status[promise_id] = said["case_status"]
                                hospitals.append(hospital_id)
            for hospital_id in dict.fromkeys(hospitals):
                now = mixes(inside[hospital_id], status)
                if now and not was.get(hospital_id, False):
                    incident_id = said.get("incident_id")
                    found.append((each, incident_id))
                was[hospital_id] = now
        return found

    def is_of(self, bed: Record, report: Record) -> bool:
        """Return whether a report is about who lies in a bed: of a transfer it is about all."""
        said = bed["data"]
        if said["incident_id"] != report["incident_id"]:
            return False
        of_a_run = self.run_of.get(said["promise_id"])
        return None in (report["assignment_id"], of_a_run) or of_a_run == report["assignment_id"]

    # -- how things stand at the end

    def standing(self) -> dict[str, Any]:
        """Who is treated, isolated or managed, and what the last surveys say."""
        self.died_in_bed: list[tuple[Record, str | None]] = []
        patients: dict[str, Record] = {}
        generation: dict[str, Record] = {}
        for each in self.log:
            if self.past(each):
                continue
            said = each["data"]
            match each["type"]:
                case "bed.occupied":
                    patients[said["promise_id"]] = {
                        "incident": said["incident_id"], "hospital": said["hospital_id"],
                        "room": said["room"], "status": said["case_status"],
                    }  # fmt: skip
                case "bed.vacated":
                    gone = patients.pop(said["promise_id"], None)
                    if gone and gone["status"] != "none" and said["outcome"] == "died":
                        self.died_in_bed.append((each, gone["incident"]))
                case "handover.closed" | "handover.released" if not self.again(each):
                    self.handed_over(patients, each)
                case "case.reported":
                    for promise_id, patient in patients.items():
                        bed = {"incident_id": patient["incident"], "promise_id": promise_id}
                        if self.is_of({"data": bed}, said):
                            patient["status"] = said["case_status"]
                case "result.recorded" if said["case_status"] is not None:
                    run = self.run_of[said["handover_id"]]
                    for promise_id, patient in patients.items():
                        bed = {"incident_id": patient["incident"], "promise_id": promise_id}
                        about = {"incident_id": said["incident_id"], "assignment_id": run}
                        if self.is_of({"data": bed}, about):
                            patient["status"] = said["case_status"]
                case "survey.recorded" if said["generation"] is not None:
                    generation[said["incident_id"]] = each
        self.patients = patients
        here = [
            each
            for each in patients.values()
            if self.district in (None, self.where.get(each["incident"]))
        ]
        second = [
            each["position"]
            for incident_id, each in generation.items()
            if each["data"]["generation"] >= 2 and self.counts(each, incident_id)
        ]
        return {
            "cases_in_treatment": sum(each["status"] in TREATED for each in here),
            "suspected_in_isolation": sum(each["status"] == "suspected" for each in here),
            "contacts_under_management": sum(
                each["room"] == "isolation_site" and each["status"] == "none" for each in here
            ),
            "second_generation": sorted(second),
        }

    def handed_over(self, patients: dict[str, Record], record: Record) -> None:
        """Note who was handed over without a bed, and who has left another hospital by it."""
        said = record["data"]
        patients.pop(self.onward.get(said["incident_id"], ""), None)
        places = self.beds[said["handover_id"]]
        in_bed = any(
            each["data"]["promise_id"] in places and not self.past(each)
            for each in self.of("bed.occupied", hospital_id=said["hospital_id"])
        )
        asked = self.decision(said["incident_id"], record)
        if not in_bed and asked is not None:
            patients[said["handover_id"]] = {
                "incident": said["incident_id"], "hospital": said["hospital_id"], "room": None,
                "status": asked["inputs"]["case_status"],
            }  # fmt: skip

    def case_deaths(self) -> list[tuple[Record, str | None]]:
        """Known cases who died in a crew's care, and cases who died in hospital."""
        self.standing()
        found = self.died_in_bed
        for each in self.of("death.recorded"):
            incident_id = each["data"]["incident_id"]
            asked = self.decision(incident_id, each)
            known = asked is not None and asked["inputs"]["known_case"]
            if known or self.found_before(incident_id, each):
                found.append((each, incident_id))
        return found

    # -- time and fleet

    def times(self) -> dict[str, Any]:
        """For each clock: the share that was met, how many, and how long it took."""
        return {kind: self.clock(kind) for kind in CLOCKS}

    def clock(self, kind: str) -> dict[str, Any]:
        counted = {"clock.met": 0, "clock.breached": 0}
        took: list[float] = []
        breaches: list[int] = []
        for each in self.of("clock.met", "clock.breached", "clock.ended_late", kind=kind):
            said = each["data"]
            early = self.begins is not None and when(each) < self.begins
            if early or self.past(each) or self.district not in (None, said["district"]):
                continue
            if each["type"] in counted:
                counted[each["type"]] += 1
            if each["type"] == "clock.breached":
                breaches.append(each["position"])
            else:
                took.append(said["took_seconds"])
        number = sum(counted.values())
        took.sort()
        ranks = {
            f"p{percent}": took[math.ceil(percent * len(took) / 100) - 1] if took else None
            for percent in (50, 90, 95)
        }
        return {
            "share": counted["clock.met"] / number if number else None,
            "target": SHARES.get(kind, 1.0),
            "number": number,
            **ranks,
            "longest": took[-1] if took else None,
            "breaches": sorted(breaches),
        }

    def fleet(self) -> dict[str, Any]:
        """120 plan §1: a negative-pressure ambulance in each district, and every one in place."""
        last = None
        state: dict[str, Record] = {}
        for each in self.log:
            if self.past(each):
                continue
            if each["type"] == "duties.reported":
                last = each["data"]
            elif each["type"] == "unit.changed":
                state[each["data"]["unit_id"]] = each["data"]
        if last is None:
            return {}
        ambulances = [
            unit_id
            for code, units in last["negative_pressure"].items()
            if self.district in (None, code)
            for unit_id in units
        ]
        in_place = [
            unit_id
            for unit_id in ambulances
            if unit_id not in state
            or (
                state[unit_id]["staffed"]
                and state[unit_id]["status"] not in ("off_duty", "out_of_service")
            )
        ]
        lacking = {
            each["district"]
            for each in last["shortfalls"]
            if self.district in (None, each["district"])
        }
        return {
            "districts_lacking": len(lacking),
            "negative_pressure_share": (
                last["negative_pressure_share"] if self.district is None else None
            ),
            "negative_pressure_in_place": (len(in_place) / len(ambulances) if ambulances else None),
        }

    # -- what must not be

    def linked_to_who_has_left(self) -> list[str]:
        """Nobody is linked to a run that has left with its patient, or to what is over.

        A link that a dispatcher confirms lapses sooner: when a crew meets a patient of either.
        """
        met: defaultdict[str, set[str]] = defaultdict(set)
        wrong = []
        for each in self.of("incident.progressed", "incident.closed", "call.linked"):
            said = each["data"]
            if each["type"] != "call.linked":
                met[said["incident_id"]].add(said.get("status", "closed"))
                continue
            too_late = {"transporting", "at_hospital", "handed_over", "closed"}
            reached = set(met[said["incident_id"]])
            if said["by"] is not None:
                too_late.add("on_scene")
                reached |= met[said["call_id"]] - {"closed"}
            if too_late & reached:
                wrong.append(said["call_id"])
        return wrong

    def numbers_untold(self, inputs: list[Record]) -> list[tuple[str, str]]:
        """The number that a caller gave stands in the order of whoever goes there."""
        numbers = {
            each["data"]["call_id"]: each["data"]["caller"].get("phone")
            for each in inputs
            if each["type"] == "call.received"
        }
        calls: defaultdict[str, set[str]] = defaultdict(set)
        untold = []
        kinds = ("call.decided", "call.linked", "link.undone", "order.issued")
        for each in self.of(*kinds):
            said = each["data"]
            incident_id = said["incident_id"]
            match each["type"]:
                case "call.decided" | "call.linked":
                    for known in calls.values():
                        known.discard(said["call_id"])
                    calls[incident_id].add(said["call_id"])
                case "link.undone":
                    calls[incident_id].discard(said["call_id"])
                case _:
                    told = {said["call_back"], *(one["phone"] for one in said["contacts"])}
                    given = {numbers.get(call_id) for call_id in calls[incident_id]}
                    untold += [(said["assignment_id"], n) for n in given - {None} - told if n]
        return untold

    def lacking_unsaid(self) -> list[str]:
        """No hospital lacks what its patient needs, but that somebody was told of it."""
        chosen = {each["data"]["handover_id"]: each["data"] for each in self.of("hospital.chosen")}
        raised = {
            each["data"]["subject"]
            for each in self.of("escalation.raised", kind="capability_lacking")
        }
        wrong = []
        for each in self.of("handover.announced"):
            said = each["data"]
            if not said["needs"]:
                continue
            why = chosen.get(said["handover_id"])
            lacking = set(said["needs"]) - set(why["capabilities"] if why else ())
            if (
                why is None
                or lacking != set(said["lacking"])
                or (lacking and said["handover_id"] not in raised)
            ):
                wrong.append(said["handover_id"])
        return wrong

    def needs_unread(self, inputs: list[Record], words: dict[str, str]) -> list[str]:
        """Who complains of what a hospital must be able to treat is announced as needing it."""
        asked = {
            each["data"]["call_id"]: words[each["data"].get("chief_complaint")]
            for each in inputs
            if each["type"] == "call.received" and each["data"].get("chief_complaint") in words
        }
        return [
            each["data"]["handover_id"]
            for each in self.of("handover.announced")
            if asked.get(each["data"]["incident_id"], "") not in {*each["data"]["needs"], ""}
        ]


def case_ppe(asked: Record) -> int:
    """Return what the rules ask to be worn for a patient as a case: R1, R2 full, R3 enhanced."""
    stable = asked["inputs"]["condition"] == "stable"
    return PPE["full" if stable or asked["inputs"]["caller_kind"] == "institution" else "enhanced"]


def mixes(lying: dict[str, Record], status: dict[str, str]) -> bool:
    """Return whether a case lies where cases and ordinary patients lie, and one of these, too."""
    rooms = {promise_id: bed["data"]["room"] for promise_id, bed in lying.items()}
    cases = [p for p, room in rooms.items() if status[p] != "none" and room in FOR_CASES + GENERAL]
    others = [p for p, room in rooms.items() if status[p] == "none" and room in GENERAL]
    return bool(cases and others)
