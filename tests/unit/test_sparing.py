"""The same line of a library is let through now and then; other lines always."""

import logging

from dispatch.sparing import AGAIN, REMEMBERED, Sparing


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def line(text: str, *values: object, name: str = "aiokafka.client") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, text, values, None)


def test_a_line_is_said_again_after_a_while_with_how_often_it_was_left_out() -> None:
    seconds = Seconds()
    sparing = Sparing(("aiokafka",), seconds)
    assert sparing.filter(line("no connection to node %s", 1))
    assert not sparing.filter(line("no connection to node %s", 2))
    seconds.now += AGAIN / 2
    assert not sparing.filter(line("no connection to node %s", 1))
    seconds.now += AGAIN / 2
    said = line("no connection to node %s", 3)
    assert sparing.filter(said)
    assert said.getMessage() == "no connection to node 3 (and 2 more like it)"
    seconds.now += AGAIN
    said = line("no connection to node %s", 3)
    assert sparing.filter(said)
    assert said.getMessage() == "no connection to node 3"


def test_another_line_is_let_through_at_once() -> None:
    sparing = Sparing(("aiokafka",), Seconds())
    assert sparing.filter(line("no connection"))
    assert sparing.filter(line("no answer"))
    assert sparing.filter(line("no connection", name="aiokafka.consumer"))


def test_what_the_service_itself_says_is_never_left_out() -> None:
    sparing = Sparing(("aiokafka",), Seconds())
    for name in ("dispatch.agents.intake", "aiokafkaesque", "root"):
        assert sparing.filter(line("waiting", name=name))
        assert sparing.filter(line("waiting", name=name))


def test_it_does_not_remember_without_end() -> None:
    sparing = Sparing(("aiokafka",), Seconds())
    for number in range(REMEMBERED):
        assert sparing.filter(line(f"text {number}"))
    assert not sparing.filter(line("text 0"))
    assert sparing.filter(line("one more"))
    assert sparing.filter(line("text 0"))
