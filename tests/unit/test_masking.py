import dataclasses
import enum
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pydantic
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from dispatch.logs import configure
from dispatch.masking import MASK, Masker, is_personal, mask_numbers

SURNAMES = "王李张刘陈杨赵黄周吴"
GIVEN = "伟芳娜敏静丽强磊军洋艳勇杰娟涛明超秀霞平"
STREETS = ["平江路", "人民路", "观前街", "干将东路"]
PERSONAL_KEYS = [
    "phone",
    "call_back",
    "name",
    "caller_name",
    "patientName",
    "id_number",
    "address",
    "complaint",
]
PLAIN_KEYS = ["call_id", "detail", "payloads", "seen", "context", "状态"]

phones = st.from_regex(r"1[3-9]\d{9}", fullmatch=True).filter(str.isascii)
id_numbers = st.from_regex(
    r"[1-6][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9])[0-9]{3}[0-9X]", fullmatch=True
)
names = st.builds(str.__add__, st.sampled_from(SURNAMES), st.text(GIVEN, min_size=1, max_size=2))
addresses = st.builds(
    "{}{}号{}室".format, st.sampled_from(STREETS), st.integers(1, 999), st.integers(101, 999)
)
numbers = phones | id_numbers
everything = numbers | names | addresses

# What is findable by itself may stand anywhere; a name or an address only under its key.
safe_leaves = st.none() | st.booleans() | st.integers(0, 9999) | st.sampled_from(["ok", "接警"])
with_numbers = st.builds("call {} back".format, numbers)


def trees(personal: str) -> st.SearchStrategy[Any]:
    leaf = safe_leaves | with_numbers
    under_key = st.dictionaries(
        st.sampled_from(PERSONAL_KEYS), st.just(personal) | st.just([{"x": personal}]), min_size=1
    )
    return st.recursive(
        leaf | under_key,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(PLAIN_KEYS), inner, max_size=3)
        ),
        max_leaves=8,
    )


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure("json", "debug", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def last(stream: io.StringIO) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return entry


def logger() -> Any:
    return structlog.get_logger("dispatch.test")


@given(st.data())
def test_no_personal_value_survives_at_any_depth(data: st.DataObject) -> None:
    personal = data.draw(everything)
    event = {
        "event": "call taken",
        "phone": personal,
        "context": data.draw(trees(personal)),
        "said": f"he said {personal} twice: {personal}",
    }
    rendered = json.dumps(Masker()(None, "info", event), ensure_ascii=False)
    assert personal not in rendered


@given(
    number=numbers,
    before=st.sampled_from(["", "+86 ", "86-", "tel:", "电话"]),
    after=st.text("号，. x"),
)
def test_a_number_in_any_text_is_masked(number: str, before: str, after: str) -> None:
    assert number not in mask_numbers(before + number + after)


@given(number=phones, separator=st.sampled_from([" ", "-", ".", "–"]))
def test_a_mobile_number_in_groups_is_masked(number: str, separator: str) -> None:
    grouped = separator.join([number[:3], number[3:7], number[7:]])
    assert mask_numbers(f"ring {grouped} now") == f"ring {MASK} now"


@pytest.mark.parametrize("text", ["0512-65123456", "010 87654321", "１３８００１３８０００"])
def test_landlines_and_full_width_digits_are_masked(text: str) -> None:
    assert mask_numbers(text) == MASK


@pytest.mark.parametrize(
    "text", ["120", "2022-04-01T08:00:00+00:00", "31.2989,120.5853", "took 0.0123 s", "batch 500"]
)
def test_what_is_no_personal_number_stays(text: str) -> None:
    assert mask_numbers(text) == text


@pytest.mark.parametrize("key", [*PERSONAL_KEYS, "callback", "pickup-address", "idCard", "电话"])
def test_personal_keys_are_known_in_any_spelling(key: str) -> None:
    assert is_personal(key)


@pytest.mark.parametrize("key", ["call_id", "unit_id", "status", "logger", "topic", "nameless"])
def test_other_keys_are_not_personal(key: str) -> None:
    assert not is_personal(key)


class Patient(pydantic.BaseModel):
    name: str
    age: int


@dataclasses.dataclass
class Caller:
    phone: str
    line: int


class Colour(enum.Enum):
    RED = "red"


def test_models_dataclasses_and_bytes_are_looked_into() -> None:
    event = {
        "event": "x",
        "patient": Patient(name="张三", age=3),
        "caller": Caller(phone="13800138000", line=2),
        "record": b"13800138000",
        "colour": Colour.RED,
        "at": datetime(2022, 4, 1, tzinfo=UTC),
        "number": 13800138000,
        "other": object,
    }
    masked = Masker()(None, "info", event)
    assert masked["patient"] == {"name": MASK, "age": 3}
    assert masked["caller"] == {"phone": MASK, "line": 2}
    assert masked["record"] == "<11 bytes>"
    assert masked["colour"] == "red"
    assert masked["at"] == event["at"]
    assert masked["number"] == MASK


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:  # noqa: BLE001 - it is our own
        return caught


@given(personal=everything)
def test_no_personal_value_survives_in_what_an_exception_says(personal: str) -> None:
    with pytest.raises(pydantic.ValidationError) as invalid:
        Patient.model_validate({"name": [personal], "age": personal})
    row = asyncpg.UniqueViolationError("duplicate key")
    row.detail = f"Key (name)=({personal}) already exists."
    for error in (
        invalid.value,
        row,
        KeyError(personal),
        ValueError(f"can't go to {personal}"),
        ExceptionGroup("several", [ValueError(personal)]),
    ):
        stream = io.StringIO()
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        try:
            configure("json", "debug", stream)
            logger().error("failed", exc_info=raised(error))
            logging.getLogger("faust").error("failed on %s", [personal], exc_info=raised(error))
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
            logging.captureWarnings(capture=False)
            structlog.reset_defaults()
        assert type(error).__name__ in stream.getvalue()
        assert personal not in stream.getvalue()


def test_causes_are_masked_too(lines: io.StringIO) -> None:
    try:
        try:
            raise KeyError("张三")
        except KeyError as cause:
            raise RuntimeError("while taking the call") from cause
    except RuntimeError:
        logger().exception("failed")
    said = last(lines)["exception"]
    assert said.startswith("RuntimeError: while taking the call")
    assert "KeyError: ***" in said
    assert "张三" not in said
    assert "test_masking.py" in said


def test_a_line_carries_its_context(lines: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(call_id="c-1", caller_phone="13800138000")
    logger().info("call taken", unit_id="u-1")
    entry = last(lines)
    assert entry["event"] == "call taken"
    assert entry["call_id"] == "c-1"
    assert entry["unit_id"] == "u-1"
    assert entry["caller_phone"] == MASK
    assert entry["level"] == "info"
    assert entry["logger"] == "dispatch.test"
    assert entry["timestamp"].endswith("Z")


def test_libraries_logs_come_out_the_same_way(lines: io.StringIO) -> None:
    logging.getLogger("aiokafka").warning(
        "lost %s at %s", "13800138000", "张三", extra={"phone": "1"}
    )
    entry = last(lines)
    assert entry["event"] == "lost *** at ***"
    assert entry["phone"] == MASK
    assert entry["logger"] == "aiokafka"


def test_text_for_terminals_is_masked_too(lines: io.StringIO) -> None:
    configure("console", "info", lines)
    logger().info("call taken", caller_name="张三", phone="13800138000")
    assert "call taken" in lines.getvalue()
    assert "张三" not in lines.getvalue()
    assert "13800138000" not in lines.getvalue()


def test_lines_below_the_level_are_left_out(lines: io.StringIO) -> None:
    configure("json", "warning", lines)
    logger().info("no")
    logger().warning("yes")
    assert [json.loads(line)["event"] for line in lines.getvalue().splitlines()] == ["yes"]


def test_a_yes_or_no_is_shown_whatever_it_is_about() -> None:
    assert Masker()(None, "", {"same_phone": True, "phone": "123"}) == {
        "same_phone": True,
        "phone": MASK,
    }


@pytest.mark.parametrize(
    "number",
    [
        *("0470-822-1234", "400-820-8820", "+7 914 123 45 67", "139\u20100470\u20100001"),
        *("139\u20110470\u20110001", "139\u22120470\u22120001", "139\u200b0470\u200b0001"),
    ],
)
def test_a_number_is_masked_however_it_is_parted(number: str) -> None:
    assert mask_numbers(f"ring {number} back") == f"ring {MASK} back"


@pytest.mark.parametrize("text", ["2022-03-01T00:00:00+08:00", "calls/12/1234567", "+1, +2, 12.5"])
def test_times_and_places_in_topics_are_not_masked(text: str) -> None:
    assert mask_numbers(text) == text
