import os
from pathlib import Path

import pytest

from dispatch import process_memory

MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def put(file: Path, content: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


def test_a_process_has_some_memory_and_no_more_than_it_may_have() -> None:
    assert 1_000_000 < process_memory.resident() < process_memory.limit() <= MACHINE


def test_in_a_container_the_group_that_is_seen_counts(tmp_path: Path) -> None:
    put(tmp_path / "groups" / "memory.max", "1048576\n")
    own = put(tmp_path / "own", "0::/\n")
    assert process_memory.limit(tmp_path / "groups", own) == 1_048_576


def test_elsewhere_the_least_of_the_own_group_and_its_parents_counts(tmp_path: Path) -> None:
    groups = tmp_path / "groups"
    put(groups / "a.slice" / "memory.max", "2097152\n")
    put(groups / "a.slice" / "b.service" / "memory.max", "max\n")
    own = put(tmp_path / "own", "0::/a.slice/b.service\n")
    assert process_memory.limit(groups, own) == 2_097_152


def test_groups_of_the_first_kind_are_read_as_well(tmp_path: Path) -> None:
    put(tmp_path / "groups" / "memory" / "a" / "memory.limit_in_bytes", "4096\n")
    own = put(tmp_path / "own", "3:cpu:/a\n2:memory:/a\n")
    assert process_memory.limit(tmp_path / "groups", own) == 4_096


@pytest.mark.parametrize("content", ["", "0::/nowhere\n"])
def test_without_a_limit_the_machine_s_memory_counts(tmp_path: Path, content: str) -> None:
    assert process_memory.limit(tmp_path / "groups", put(tmp_path / "own", content)) == MACHINE
    assert process_memory.limit(tmp_path / "groups", tmp_path / "missing") == MACHINE
