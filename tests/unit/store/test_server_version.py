"""Which PostgreSQL is too old, by the number that it gives itself."""

import pytest

from dispatch.errors import ConfigurationError
from dispatch.store.schema import refuse_older


@pytest.mark.parametrize("number", [120_000, 120_022, 150_004, 180_006])
def test_a_server_that_is_new_enough_is_taken(number: int) -> None:
    refuse_older(number)


@pytest.mark.parametrize(("number", "found"), [(110_022, "11"), (100_023, "10"), (90_624, "9")])
def test_an_older_server_is_refused_with_both_versions(number: int, found: str) -> None:
    said = f"the database is PostgreSQL {found}, this program needs 12 or newer"
    with pytest.raises(ConfigurationError, match=said):
        refuse_older(number)
