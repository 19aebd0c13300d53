"""`dispatch tail`: which topics it takes."""

import pytest

from dispatch.cli import run


def test_a_topic_beside_which_hospitals_have_none_of_their_own_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["tail", "--topic", "calls", "--hospital", "H1"]) == 2
    assert "no topic of their own beside calls" in capsys.readouterr().err
