"""What the crew of a run is told of its patients and of where they are: all that consoles know.

Source: domain, terms (what a centre's system records: 主叫号码, 联系人/电话, 病人需求, 现场地址 …).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from dispatch.domain import symptoms
from dispatch.domain.city import City
from dispatch.domain.model import Assignment, Incident, Place
from dispatch.topics.announcement import shortened
from dispatch.topics.calls import Call
from dispatch.topics.orders import ContactRole, Note, NotedField, OrderContact, OrderPatient

# Of so many callers and patients, and of what repeat callers say so much, an order stays one that
# a topic takes.
MOST_CONTACTS: Final = 100
MOST_PATIENTS: Final = 100
MOST_NOTES: Final = 50
LONGEST_NOTE: Final = 500  # characters
LONGEST_NAME: Final = 200

# What the first caller to say it is told for, by the order's field; what others say is noted.
_SAID: Final[tuple[tuple[NotedField, str], ...]] = (
    ("complaint", "chief_complaint"),
    ("requirement", "requirement"),
    ("special_needs", "special_needs"),
)
_NOTED: Final[tuple[NotedField, ...]] = (
    "preliminary_judgement",
    "destination_wish",
    "call_address",
)


def brief(city: City, incident: Incident, run: Assignment) -> dict[str, Any]:
    """Return what a run's order says, by the names of its fields, as its JSON has it.

    Two of them are the same as long as the crew would see no difference.
    """
    calls = [city.calls[call_id].content for call_id in incident.calls]
    decision = incident.decision or {}
    contacts = _contacts(calls)
    numbers = (each["phone"] for each in contacts if each["phone"] is not None)
    said, notes = _said(calls)
    if incident.complaint is not None:
        said["complaint"] = incident.complaint
    return {
        "scene": _scene(city, run.place),
        "condition": incident.condition,
        "case_status": incident.case_status,
        "patient_count": incident.patient_count,
        "stretcher": max((c.stretcher for c in calls if c.stretcher is not None), default=None),
        "rule": run.rule,
        "ppe": run.ppe,
        "life_support": run.life_support,
        "destination": run.destination,
        "hospital_id": run.hospital_id,
        "disinfection": run.disinfection,
        "symptoms": symptoms.told(city, incident),
        "epidemiology": dict(incident.epidemiology),
        "history": decision.get("history"),
        "call_back": incident.phone or next(numbers, None),
        "contacts": contacts,
        "patients": _patients(city, incident, run, calls),
        "institution_id": incident.institution_id,
        **said,
        "notes": notes,
    }


def _scene(city: City, place: Place) -> dict[str, Any]:
    district = city.districts.get(place.district)
    centre = None if district is None else district.centre
    return {
        "latitude": place.position.latitude,
        "longitude": place.position.longitude,
        "source": place.source,
        "address": place.address,
        "district": place.district,
        "district_name": None if district is None else district.name,
        "centre": None
        if centre is None
        else {"latitude": centre.latitude, "longitude": centre.longitude},
    }


def _contacts(calls: Iterable[Call]) -> list[dict[str, Any]]:
    """Return whom the crew can ring up or ask for: callers and those whom they name, each once."""
    found: dict[tuple[str | None, str | None], dict[str, Any]] = {}
    for call in calls:
        for who in (call.caller, call.contact):
            if who is None or (who.name is None and who.phone is None):
                continue
            name, phone = _short(who.name), _short(who.phone)
            if (name, phone) not in found and len(found) < MOST_CONTACTS:
                role: ContactRole = "caller" if who is call.caller else "contact"
                found[name, phone] = OrderContact(role=role, name=name, phone=phone).model_dump()
    return list(found.values())


def _patients(
    city: City, incident: Incident, run: Assignment, calls: Sequence[Call]
) -> list[dict[str, Any]]:
    """Return who the patients are; of a transfer, those whom the run carries."""
    transfer = city.transfers.get(incident.incident_id)
    if transfer is not None:
        return [
            OrderPatient(
                patient_id=each.patient_id,
                name=_short(each.name),
                sex=_short(each.sex),
                age=each.age,
                severity=each.severity,
                mobility=each.mobility,
                needs=each.needs,
            ).model_dump(mode="json")
            for each in transfer.patients
            if each.patient_id in run.patients
        ]
    known: list[dict[str, Any]] = []
    for call in calls:
        who = call.patient
        told = {"name": _short(who.name), "sex": _short(who.sex), "age": who.age}
        said = {name: value for name, value in told.items() if value is not None}
        # What a second caller adds is of the same patient, unless the name is another, or there are
        # more patients and anything differs.
        alike = ("name",) if incident.patient_count == 1 else tuple(told)
        same = next(
            (
                each
                for each in known
                if all(each.get(name, said[name]) == said[name] for name in alike if name in said)
            ),
            None,
        )
        if same is not None:
            same.update({name: value for name, value in said.items() if name not in same})
        elif said and len(known) < MOST_PATIENTS:
            known.append(said)
    return [OrderPatient.model_validate(each).model_dump(mode="json") for each in known]


def _said(calls: Sequence[Call]) -> tuple[dict[str, str | None], list[dict[str, Any]]]:
    """Return what was said in words, by the order's field, and what stands beside it as notes."""
    said: dict[str, str | None] = dict.fromkeys(name for name, _ in _SAID)
    notes: dict[tuple[NotedField, str], None] = {}
    for call in calls:
        for name, field in _SAID:
            words = getattr(call, field)
            if words is None or words == said[name]:
                continue
            if said[name] is None:
                said[name] = words
            else:
                notes[name, shortened(words, LONGEST_NOTE)] = None
        for field in _NOTED:
            if (words := getattr(call, field)) is not None:
                notes[field, shortened(words, LONGEST_NOTE)] = None
    # The first call's come first; of the others the last ones are news.
    kept = list(notes)
    if len(kept) > MOST_NOTES:
        kept = kept[: len(_NOTED)] + kept[len(_NOTED) - MOST_NOTES :]
    return said, [Note(about=about, text=text).model_dump() for about, text in kept]


def _short(text: str | None) -> str | None:
    return None if text is None else shortened(text, LONGEST_NAME)
