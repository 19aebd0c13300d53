"""Calls are taken as well as they can be understood: nobody's is refused for how it is wrapped.

What is valid comes through untouched. Of anything else what can't be meant is left out, what must
be there gets the cautious value, and each such step is a warning; a call is refused only where
nothing says where the patient is, or where the very call is known otherwise.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError

from dispatch.domain import handling, identity
from dispatch.domain.believing import Bounds, said_of, why_not
from dispatch.domain.city import City, Duplicate, Rejected
from dispatch.domain.model import CallRecord, District, Position
from dispatch.domain.other_shapes import in_shape
from dispatch.domain.travel import metres_between
from dispatch.policy.pack import Pack
from dispatch.topics.announcement import Reason
from dispatch.topics.calls import Call, Location
from dispatch.topics.fields import SYMPTOMS_UNKNOWN, Content, SymptomCode, reasons
from dispatch.topics.incidents import CallWarned

ADDRESS_UNKNOWN: Final = "地址不详 (address unknown)"
_MOST_WARNINGS: Final = 20
_LONGEST_NAME: Final = 100
_MOST_SYMPTOMS: Final = 500
_LONGEST_SYMPTOM: Final = 64
_LONGEST_TEXTS: Final = (20_000, 2_000)
_MOST_JOINED: Final = 5
_DIGEST: Final = 16  # hexadecimal digits of an id that is derived
_LONGEST_ID: Final = 64
_TIMES: Final = (
    "received_at",
    "ring_at",
    "talk_started_at",
    "acceptance_started_at",
    "acceptance_ended_at",
)
_BOOLEANS: Final = {"true": True, "yes": True, "false": False, "no": False}
_LEFT_OUT: Final = "it was left out"
_AS_NOW: Final = "taken as now"
# What becomes of a field that can't be understood, where it is more than left out.
_INSTEAD: Final = {"datum": "taken as WGS-84"}


@dataclass(slots=True)
class _Warnings:
    """What was done to a call, bounded however much that was."""

    found: list[Reason] = field(default_factory=list)
    further: int = 0

    def add(self, path: str, reason: str) -> None:
        if len(self.found) >= _MOST_WARNINGS:
            self.further += 1
            return
        name = path.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\u0000")
        self.found.append(Reason(field=name[:_LONGEST_NAME], reason=reason))

    def all(self) -> list[Reason]:
        if not self.further:
            return self.found
        return [*self.found, Reason(field="body", reason=f"{self.further} more were left out")]


@dataclass(frozen=True, slots=True)
class Salvage:
    """Makes a call of a JSON object that is none by the contract."""

    districts: Mapping[str, District]
    bounds: Bounds
    now: Callable[[], datetime]

    def call(
        self, body: Mapping[str, Any], otherwise: Callable[[bool], str]
    ) -> tuple[Call | None, list[Reason]]:
        """Return the call that a body is as well as can be, and what was done to it.

        Without a usable call_id it gets the one that `otherwise` makes, which is told whether the
        body says when the call came. None comes with the reasons why it can't be taken.
        """
        warnings = _Warnings()
        shaped = in_shape(body, self.districts, warnings.add)
        known = _fields(Call, shaped, "", warnings)
        if "call_id" not in known:
            known["call_id"] = otherwise("received_at" in known)
            warnings.add("call_id", f"is missing or unusable: taken as {known['call_id']}")
        self._put_in_place(known, warnings)
        if "location" not in known:
            return None, [
                Reason(field="location", reason="nothing says where the patient is"),
                *warnings.all(),
            ][:_MOST_WARNINGS]
        if "received_at" not in known:
            known["received_at"] = self.now()
            warnings.add("received_at", f"is missing or unusable: {_AS_NOW}")
        _complete_caller(known, warnings)
        _complete_patient(known, warnings)
        try:
            return Call.model_validate(known), warnings.all()
        except ValidationError as error:  # pragma: no cover - every field was tried by itself
            return None, [Reason(**each) for each in reasons(error)[:_MOST_WARNINGS]]

    def _put_in_place(self, known: dict[str, Any], warnings: _Warnings) -> None:
        """Complete place and district from each other; leave none where there is neither."""
        place: dict[str, Any] = known.get("location", {})
        if ("latitude" in place) != ("longitude" in place):
            place.pop("latitude", None)
            place.pop("longitude", None)
            warnings.add("location", "needs latitude and longitude together: both were left out")
        position = None
        if "latitude" in place:
            position = Position(place["latitude"], place["longitude"])
            if (why := why_not(position, self.bounds)) is not None:
                del place["latitude"], place["longitude"]
                warnings.add("location", f"{said_of(position, why)}: {_LEFT_OUT}")
                position = None
        if "latitude" not in place:
            place.pop("datum", None)
        if "address" not in place and "latitude" not in place and "call_address" in known:
            place["address"] = known["call_address"]
            warnings.add("location.address", "is missing: taken from call_address")
        district = known.get("district")
        if not place and district not in self.districts:
            known.pop("location", None)
            return
        if not place:
            place["address"] = ADDRESS_UNKNOWN
            warnings.add("location", "is missing or unusable: taken as the district's centre")
        known["location"] = place
        if "district" not in known:
            known["district"] = nearest(self.districts, position, place.get("address"))
            warnings.add("district", f"is missing or unusable: taken as {known['district']}")


def take(
    city: City,
    call: Call,
    digest: str,
    warnings: Collection[Reason] = (),
    *,
    taken_ids: Collection[str] = (),
) -> Call:
    """Receive a call, with what stands in its way made good, and tell its console of all of it.

    `taken_ids` are not to be had, whatever the city knows. Returns the call as it was taken.

    Raises:
        Duplicate: it is known.
        Rejected: the same call is known with another content.
    """
    done = list(warnings)
    given = call.call_id
    said: str | None = None
    if given in taken_ids:
        said = _said(call, done)
        call = _under_another_id(call, said, done)
    if long_ago := _long_ago(city, call):
        known = city.calls.get(call.call_id)
        if known is not None and (known.digest == digest or known.content == call):
            # It was not so long ago when it came first.
            raise Duplicate
        # It is known by the rest of it, as with any time that is made up.
        digest = said = said or _said(call, done)
        done += long_ago
        call = call.model_copy(update=dict.fromkeys((each.field for each in long_ago), city.now))
    mark = city.mark()
    while True:
        try:
            handling.handle(city, call, digest)
            break
        except Rejected as rejected:
            city.roll_back(mark)
            fault = rejected.reasons[0]
            said = said or _said(call, done)
            eased = _eased(city, call, said, fault, done)
            if eased is None:
                raise
            call = eased
            if fault.field in _TIMES:
                # Its time is made up, and another each time: it is known by the rest of it.
                digest = said
    if done:
        city.emit(
            CallWarned(
                call_id=call.call_id,
                at=city.now,
                given_id=None if call.call_id == given else given,
                warnings=done,
            ),
            key=call.call_id,
        )
    return call


def nearest(
    districts: Mapping[str, District], position: Position | None, address: str | None
) -> str:
    """Return the district to send to: the nearest, one that the address names, the most central."""
    if position is None:
        for code, district in districts.items():
            if address and district.name in address:
                return code
        centres = [each.centre for each in districts.values()]
        position = Position(
            sum(each.latitude for each in centres) / len(centres),
            sum(each.longitude for each in centres) / len(centres),
        )
    where = position
    return min(districts, key=lambda code: metres_between(districts[code].centre, where))


def derived_id(beginning: str, content: str) -> str:
    """Return a call_id that follows from a content (hexadecimal digest), after some beginning."""
    return f"{beginning[: _LONGEST_ID - _DIGEST - 1]}:{content[:_DIGEST]}"


def digest_of(text: str) -> str:
    """Return the hexadecimal digest of a text."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


# -- what stands in a call's way although it is valid


def _long_ago(city: City, call: Call) -> list[Reason]:
    """Return the times of a call that are further behind than the pack's tolerance, taken as now.

    They are of a clock that stands still, or of one that has never been set.
    """
    tolerance = city.pack.events.past_tolerance_seconds
    earliest = city.in_seconds(-tolerance)
    return [
        Reason(field=name, reason=f"is more than {tolerance} s in the past: {_AS_NOW}")
        for name in _TIMES
        if (at := getattr(call, name)) is not None and at < earliest
    ]


def _eased(city: City, call: Call, said: str, fault: Reason, done: list[Reason]) -> Call | None:
    """Return the call without what was refused, None where it has to stay refused."""
    at_fault = fault.field
    if len(done) > _MOST_WARNINGS + len(_TIMES) + 2:
        return None
    if at_fault in _TIMES:
        done.append(Reason(field=at_fault, reason=f"is in the future: {_AS_NOW}"))
        return call.model_copy(update={at_fault: city.now})
    if at_fault == "location":
        done.append(Reason(field="location", reason=f"{fault.reason}: {_LEFT_OUT}"))
        address = call.location.address or call.call_address or ADDRESS_UNKNOWN
        return call.model_copy(update={"location": Location(address=address)})
    if at_fault == "district":
        place = call.location
        position = (
            None
            if place.latitude is None or place.longitude is None
            else Position(place.latitude, place.longitude)
        )
        district = nearest(city.districts, position, place.address)
        done.append(
            Reason(
                field="district",
                reason=f"{call.district} is not a district of this city: taken as {district}",
            )
        )
        return call.model_copy(update={"district": district})
    known = city.calls.get(call.call_id)
    if at_fault == "call_id" and known is not None and _is_known(known, call, said):
        raise Duplicate
    if at_fault == "call_id" and not _is_the_same(city, call, done):
        return _under_another_id(call, said, done)
    return None


def _is_known(known: CallRecord, call: Call, said: str) -> bool:
    return known.content == call or known.digest == said


def _is_the_same(city: City, call: Call, done: Collection[Reason]) -> bool:
    """Return whether a call is the one that is known by its id, said otherwise.

    A console whose clock stands still, or that counts each day from 1 again, gives the id and the
    time of one patient to another: telephone or place must be the same too.
    """
    known = city.calls.get(call.call_id)
    return (
        known is not None
        and call.call_id not in city.transfers
        and "received_at" not in _made_up(done)
        and known.content.received_at == call.received_at
        and _same_patient(known.content, call, city.pack)
    )


def _same_patient(one: Call, other: Call, pack: Pack) -> bool:
    phone = identity.phone_of(one, pack)
    if phone is not None and phone == identity.phone_of(other, pack):
        return True
    here, there = one.location, other.location
    if here.latitude is not None and there.latitude is not None:
        return (here.latitude, here.longitude) == (there.latitude, there.longitude)
    if here.address is None or pack.fillers.address(here.address) is None:
        return False
    return here.address == there.address


def _made_up(done: Collection[Reason]) -> set[str]:
    """Return the times of a call that are none of its sender's."""
    return {each.field for each in done if each.field in _TIMES and each.reason.endswith(_AS_NOW)}


def _said(call: Call, done: Collection[Reason] = ()) -> str:
    """Return the digest of what a call says, however it was written."""
    return digest_of(call.model_dump_json(exclude=_made_up(done)))


def _under_another_id(call: Call, said: str, done: list[Reason]) -> Call:
    other = derived_id(call.call_id, said)
    done.append(
        Reason(field="call_id", reason=f"{call.call_id} is taken: this call goes on as {other}")
    )
    return call.model_copy(update={"call_id": other})


# -- one field after the other


def _fields(
    model: type[Content], given: Mapping[str, Any], path: str, warnings: _Warnings
) -> dict[str, Any]:
    """Return those fields of a model that can be understood."""
    known: dict[str, Any] = {}
    for name, value in given.items():
        where = f"{path}{name}"
        if name not in model.model_fields:
            warnings.add(where, f"is not a known key: {_LEFT_OUT}")
        elif value is None:
            warnings.add(where, f"must not be null: {_LEFT_OUT}")
        elif (part := _part(model, name)) is not None:
            if isinstance(value, dict):
                known[name] = _fields(part, value, f"{where}.", warnings)
            else:
                warnings.add(where, f"must be an object: {_LEFT_OUT}")
        elif name == "symptoms":
            known[name] = _symptoms(value, where, warnings)
        else:
            instead = _INSTEAD.get(name, _LEFT_OUT)
            understood = _understood(_adapter(model, name), value, where, warnings, instead)
            if understood is not None:
                known[name] = understood
    return known


def _understood(
    adapter: TypeAdapter[Any], value: Any, where: str, warnings: _Warnings, instead: str
) -> Any | None:
    """Return a value that is valid, or what it may mean; None where that is nothing."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        reason = reasons(error)[0]["reason"]
    for meant in _meant(value):
        try:
            understood = adapter.validate_python(meant)
        except ValidationError:
            continue
        warnings.add(where, f"{reason}: it was read as it is meant")
        return understood
    warnings.add(where, f"{reason}: {instead}")
    return None


def _meant(value: Any) -> Iterator[Any]:
    """Yield what a value that is none may mean, the most like it first."""
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list):
        yield value[0]
        yield from _meant(value[0])
    elif isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        yield from _meant(", ".join(value[:_MOST_JOINED]))
    if isinstance(value, str):
        text = value.encode("utf-8", "replace").decode().replace("\x00", " ").strip()
        yield text
        yield from (text[:longest] for longest in _LONGEST_TEXTS if len(text) > longest)
        yield text.lower()
        if (truth := _BOOLEANS.get(text.lower())) is not None:
            yield truth
        if len(text) <= _LONGEST_ID:
            for number in (int, float):
                try:
                    yield number(text)
                except ValueError:
                    continue
    elif isinstance(value, float) and value.is_integer():
        yield int(value)
        yield str(int(value))
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**_LONGEST_ID:
        yield str(value)


def _symptoms(value: Any, where: str, warnings: _Warnings) -> list[str]:
    given = value if isinstance(value, list | tuple) else [value]
    if given is not value:
        warnings.add(where, "must be a list: read as a list of one")
    known: list[str] = []
    left_out = cut = 0
    for each in given:
        code = None
        # There may be words in what is no text.
        said = str(each) if each and isinstance(each, dict | list | tuple) else each
        if len(known) < _MOST_SYMPTOMS and isinstance(said, str):
            beginning = said[:_LONGEST_SYMPTOM]
            code = _understood(_symptom_adapter(), beginning, where, _Warnings(), _LEFT_OUT)
            cut += code is not None and beginning != each
        if code is None:
            left_out += 1
        else:
            known.append(code)
    if cut:
        warnings.add(where, f"{cut} entries that are no text, or too long, were read as they begin")
    if left_out:
        warnings.add(where, f"{left_out} entries that are none, or too many, were left out")
    if left_out and not known:
        # Something was said, and nobody knows what.
        known = [SYMPTOMS_UNKNOWN]
    return known


@cache
def _symptom_adapter() -> TypeAdapter[Any]:
    return TypeAdapter(SymptomCode, config=ConfigDict(strict=True))


@cache
def _part(model: type[Content], name: str) -> type[Content] | None:
    """Return the model of a field that is an object itself."""
    annotation = model.model_fields[name].annotation
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, Content):
            return each
    return None


@cache
def _adapter(model: type[Content], name: str) -> TypeAdapter[Any]:
    known = model.model_fields[name]
    annotation: Any = known.annotation
    for each in known.metadata:
        annotation = Annotated[annotation, each]
    return TypeAdapter(annotation, config=ConfigDict(strict=True))


# -- what must be there


def _complete_caller(known: dict[str, Any], warnings: _Warnings) -> None:
    caller = known.setdefault("caller", {})
    if "kind" not in caller or (caller["kind"] == "institution" and "institution_id" not in caller):
        caller["kind"] = "public"
        warnings.add("caller.kind", "is missing, unusable or without an id: taken as public")
    if caller["kind"] == "institution" and "can_admit_suspected" not in caller:
        caller["can_admit_suspected"] = False
        warnings.add("caller.can_admit_suspected", "is missing or unusable: taken as false")


def _complete_patient(known: dict[str, Any], warnings: _Warnings) -> None:
    patient = known.setdefault("patient", {})
    for name, cautious in (("condition", "unknown"), ("case_status", "none")):
        if name not in patient:
            patient[name] = cautious
            warnings.add(f"patient.{name}", f"is missing or unusable: taken as {cautious}")
    if "symptoms" not in patient:
        patient["symptoms"] = [SYMPTOMS_UNKNOWN]
        warnings.add("patient.symptoms", f"are missing or unusable: taken as {SYMPTOMS_UNKNOWN}")
    if "epidemiology" in patient and "epidemiology" in known:
        said = (*known.pop("epidemiology").items(), *patient["epidemiology"].items())
        gravest_last = ("no", "unknown", "yes")
        patient["epidemiology"] = dict(sorted(said, key=lambda each: gravest_last.index(each[1])))
        warnings.add("epidemiology", "is given twice: the graver answers count")
