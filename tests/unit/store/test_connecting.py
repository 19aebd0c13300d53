import pytest

from dispatch.store.connecting import hosts_of


@pytest.mark.parametrize(
    ("dsn", "hosts"),
    [
        ("postgresql:///dispatch", []),
        ("postgresql://me@db/dispatch", [("db", 5432)]),
        ("postgresql://me:p%2C%40@a,b:5433/dispatch", [("a", 5432), ("b", 5433)]),
        ("postgresql://[::1]:5433,[fe80::1]/x", [("::1", 5433), ("fe80::1", 5432)]),
        ("postgresql:///x?host=a,b&port=1,2", [("a", 1), ("b", 2)]),
        ("postgresql:///x?host=a,/run/pg&port=7", [("a", 7), ("/run/pg", 7)]),
        ("postgresql:///x?host=a,b&port=1,2,3", []),
        ("postgresql://me@a:one/x", []),
    ],
)
def test_hosts_are_found_where_a_url_names_them(dsn: str, hosts: list[tuple[str, int]]) -> None:
    assert hosts_of(dsn) == hosts
