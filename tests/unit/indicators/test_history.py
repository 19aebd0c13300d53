"""A whole day, as read off the topics: in whatever order they come, the figures are the log's."""

from dispatch.indicators.computation import as_logged, compute
from dispatch.topics.envelope import Logged, time_said
from tests.unit.demo.city.day import play


def test_the_demos_day_has_the_figures_of_its_log_however_its_topics_were_read() -> None:
    played = play(seed=1)
    written = [
        Logged(number, each.id, each.topic, each.key, each.type, at, each.data)
        for number, each in enumerate(played.history, start=1)
        if (at := time_said(each.data)) is not None
    ]
    assert len(written) == len(played.history)
    read = as_logged(sorted(played.history, key=lambda event: event.topic))
    pack, mode = played.stage.pack, played.stage.plan.mode
    figures = {each.indicator.name: each for each in compute(written, pack, mode=mode)}
    again = {each.indicator.name: each for each in compute(read, pack, mode=mode)}
    assert {name: (each.value, each.met) for name, each in again.items()} == {
        name: (each.value, each.met) for name, each in figures.items()
    }
    assert figures["dispatch_errors"].value == 0
    assert figures["missed_screenings"].findings
    assert figures["regular_instead_of_transfer"].findings
    assert figures["crew_exposures"].findings
