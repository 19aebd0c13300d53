"""What consoles publish on the `calls` topic, keyed by call_id.

The names are those of a dispatch centre's records; the Chinese terms stand beside them. Times are
RFC 3339 with an offset, kept as aware UTC; positions are degrees, kept as WGS-84.
"""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from dispatch.topics.datum import Datum, read_as_wgs84
from dispatch.topics.fields import (
    Answer,
    CallerKind,
    CallId,
    CaseStatus,
    Condition,
    Content,
    CrewKind,
    DistrictCode,
    Identifier,
    Latitude,
    Longitude,
    LongText,
    Symptoms,
    Text,
    Timestamp,
)


def _field_error(field: str, reason: str) -> PydanticCustomError:
    return PydanticCustomError("field", "{reason}", {"field": field, "reason": reason})


class Caller(Content):
    """Who calls (呼叫人): the public, or an institution that asks for a transfer.

    An institution says who it is and whether it can admit suspected patients; from the public
    these two are ignored.
    """

    kind: CallerKind
    institution_id: Identifier | None = None
    can_admit_suspected: bool | None = None
    phone: Text | None = None
    name: Text | None = None

    @model_validator(mode="after")
    def _institution_is_complete(self) -> Self:
        if self.kind == "institution":
            if self.institution_id is None:
                raise _field_error("institution_id", "is required of an institution")
            if self.can_admit_suspected is None:
                raise _field_error("can_admit_suspected", "is required of an institution")
        return self


class Epidemiology(Content):
    """The epidemiological history (流行病学史): an item that is absent was not asked."""

    travel: Answer | None = None
    residence: Answer | None = None
    close_contact: Answer | None = None
    exposure: Answer | None = None

    def answers(self) -> dict[str, Answer]:
        """Return the answers to the items that were asked."""
        asked = (
            ("travel", self.travel),
            ("residence", self.residence),
            ("close_contact", self.close_contact),
            ("exposure", self.exposure),
        )
        return {item: answer for item, answer in asked if answer is not None}


class Patient(Content):
    """The patient as far as known; `age` is in years, a baby's a fraction of one.

    `symptoms` are codes, or words of the policy pack's vocabulary. An empty list says that the
    patient has none, `unknown` in it that nobody can tell; the service takes a call without the key
    as `unknown`.
    """

    condition: Condition
    symptoms: Symptoms
    case_status: CaseStatus
    epidemiology: Epidemiology | None = None
    name: Text | None = None
    sex: Text | None = None
    age: Annotated[float, Field(ge=0, le=150, allow_inf_nan=False)] | None = None
    id_number: Text | None = None


class Location(Content):
    """Where the patient is (现场地址): a position in degrees, an address, or both.

    `datum` is the position's as it is sent, WGS-84 where it does not say; once read it is WGS-84.
    """

    latitude: Latitude | None = None
    longitude: Longitude | None = None
    datum: Datum | None = None
    address: LongText | None = None

    @model_validator(mode="after")
    def _is_a_place(self) -> Self:
        if self.latitude is None and self.longitude is not None:
            raise _field_error("latitude", "is required beside a longitude")
        if self.longitude is None and self.latitude is not None:
            raise _field_error("longitude", "is required beside a latitude")
        if self.latitude is None and self.address is None:
            raise PydanticCustomError("place", "needs latitude and longitude, or an address")
        read_as_wgs84(self)
        return self


class Contact(Content):
    """Whom the crew can ring up (联系人/电话), when it is not the caller."""

    name: Text | None = None
    phone: Text | None = None


class Call(Content):
    """A call (呼救) as a console received it.

    The history may stand beside the patient or inside; given in both places it is refused.
    """

    event_type: ClassVar[str] = "call.received"
    call_id: CallId
    received_at: Timestamp
    district: DistrictCode
    caller: Caller
    patient: Patient
    location: Location
    epidemiology: Epidemiology | None = None
    chief_complaint: LongText | None = None
    patient_count: Annotated[int, Field(ge=1, le=100_000)] | None = None
    stretcher: bool | None = None
    special_needs: LongText | None = None
    destination_wish: Text | None = None
    # 病人需求, 初步判断, 呼救地址, 联系人/电话
    requirement: LongText | None = None
    preliminary_judgement: LongText | None = None
    call_address: LongText | None = None
    contact: Contact | None = None
    # 调度员, 录音文件名
    dispatcher: Text | None = None
    recording: Text | None = None
    # 振铃, 通话开始, 开始受理, 结束受理
    ring_at: Timestamp | None = None
    talk_started_at: Timestamp | None = None
    acceptance_started_at: Timestamp | None = None
    acceptance_ended_at: Timestamp | None = None

    @model_validator(mode="after")
    def _has_one_history(self) -> Self:
        if self.epidemiology is not None and self.patient.epidemiology is not None:
            raise _field_error("epidemiology", "is given twice: here and in patient.epidemiology")
        return self

    def answers(self) -> dict[str, Answer]:
        """Return the answers to the items of the epidemiological history that were asked."""
        history = self.epidemiology or self.patient.epidemiology
        return history.answers() if history else {}


class CallAnswered(Content):
    """Later answers about a call's patient; what is absent stays as it was.

    `symptoms` are added to those known; `symptoms_taken_back` are not so, whether they were said in
    a list or read in a complaint. One that is in both is so. `location` is where the patient is,
    where that was not so, or not so exactly, known: its crew is told at once.
    """

    event_type: ClassVar[str] = "call.answered"
    call_id: CallId
    answered_at: Timestamp
    epidemiology: Epidemiology | None = None
    condition: Condition | None = None
    case_status: CaseStatus | None = None
    symptoms: Symptoms | None = None
    symptoms_taken_back: Symptoms | None = None
    location: Location | None = None
    by: Text | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (
            self.epidemiology is None
            and self.condition is None
            and self.case_status is None
            and self.symptoms is None
            and self.symptoms_taken_back is None
            and self.location is None
        ):
            raise PydanticCustomError(
                "empty",
                "needs at least one of epidemiology, condition, case_status, symptoms, "
                "symptoms_taken_back, location",
            )
        return self


class CallOverridden(Content):
    """The dispatcher has the last word: another unit, crew kind or hospital, with a reason."""

    event_type: ClassVar[str] = "call.overridden"
    call_id: CallId
    at: Timestamp
    by: Text
    reason: Text
    unit_id: Identifier | None = None
    crew: CrewKind | None = None
    hospital_id: Identifier | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.unit_id is None and self.crew is None and self.hospital_id is None:
            raise PydanticCustomError("empty", "needs at least one of unit_id, crew, hospital_id")
        return self


class CallHeld(Content):
    """The dispatcher puts the call on hold (挂起), until a time where one is given.

    It ends by itself, and sooner when the patient gets worse.
    """

    event_type: ClassVar[str] = "call.held"
    call_id: CallId
    at: Timestamp
    by: Text
    reason: Text
    until: Timestamp | None = None


class CallResumed(Content):
    """The dispatcher takes the call off hold."""

    event_type: ClassVar[str] = "call.resumed"
    call_id: CallId
    at: Timestamp
    by: Text
    reason: Text


class CallCancelled(Content):
    """The dispatcher cancels the call (撤消)."""

    event_type: ClassVar[str] = "call.cancelled"
    call_id: CallId
    at: Timestamp
    by: Text
    reason: Text


class CallUnlinked(Content):
    """The dispatcher undoes a link: the call is an incident of its own and is dispatched."""

    event_type: ClassVar[str] = "call.unlinked"
    call_id: CallId
    at: Timestamp
    by: Text
    reason: Text


class CallLinkConfirmed(Content):
    """The dispatcher confirms a proposed link: the two calls are about one incident.

    `incident_id`, where it is given, is the incident that the link was proposed to.
    """

    event_type: ClassVar[str] = "call.link_confirmed"
    call_id: CallId
    at: Timestamp
    by: Text
    reason: Text
    incident_id: CallId | None = None


class CallLinkRefused(Content):
    """The dispatcher refuses a proposed link: the call stays an incident of its own.

    `incident_id`, where it is given, is the incident that the link was proposed to.
    """

    event_type: ClassVar[str] = "call.link_refused"
    call_id: CallId
    at: Timestamp
    by: Text
    reason: Text
    incident_id: CallId | None = None


class SignatureWaived(Content):
    """The dispatcher lets a vehicle go whose handover the hospital does not sign.

    The crew must have signed. `unit_id` says which vehicle, where several are on the incident.
    """

    event_type: ClassVar[str] = "signature.waived"
    call_id: CallId
    at: Timestamp
    by: Text
    reason: Text
    unit_id: Identifier | None = None


INPUTS = (
    Call,
    CallAnswered,
    CallOverridden,
    CallHeld,
    CallResumed,
    CallCancelled,
    CallUnlinked,
    CallLinkConfirmed,
    CallLinkRefused,
    SignatureWaived,
)
