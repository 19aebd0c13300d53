"""What of the stack's others could write is refused, and for root no busy account is used."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch.cli.invocation import Invocation
from dispatch.errors import StackError
from dispatch.stack.accounts import give, refuse_what_others_may_write, stand_in
from dispatch.stack.addresses import ADDRESS_FILE, Addresses, announce, locked, running
from dispatch.stack.embedded import running_stack

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    found = tmp_path / "data"
    found.mkdir(0o700)
    return found


@pytest.mark.parametrize("mode", [0o700, 0o711, 0o755])
def test_what_only_we_may_write_is_taken(directory: Path, mode: int) -> None:
    directory.chmod(mode)
    refuse_what_others_may_write(directory)


@pytest.mark.parametrize("mode", [0o777, 0o757, 0o1777, 0o722])
def test_a_directory_that_others_may_write_is_refused(directory: Path, mode: int) -> None:
    directory.chmod(mode)
    with pytest.raises(StackError, match=r"may be written by others .* chmod go-w .*DATA_DIR"):
        refuse_what_others_may_write(directory)


def test_so_is_one_below_such_a_directory_but_for_a_sticky_one(directory: Path) -> None:
    directory.parent.chmod(0o777)
    with pytest.raises(StackError, match=r"which holds .*, may be written by others"):
        refuse_what_others_may_write(directory)
    directory.parent.chmod(0o1777)
    refuse_what_others_may_write(directory)


def test_so_is_one_to_which_a_link_leads(directory: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(directory)
    refuse_what_others_may_write(link)
    directory.chmod(0o777)
    with pytest.raises(StackError, match="may be written by others"):
        refuse_what_others_may_write(link)


@as_root
def test_so_is_what_belongs_to_somebody_else(directory: Path) -> None:
    os.chown(directory, pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(StackError, match="belongs to nobody, neither to root nor to us"):
        refuse_what_others_may_write(directory)


@as_root
def test_a_group_that_others_are_in_is_others(directory: Path) -> None:
    os.chown(directory, -1, pwd.getpwnam("nobody").pw_gid)
    directory.chmod(0o770)
    with pytest.raises(StackError, match="may be written by others"):
        refuse_what_others_may_write(directory)


async def test_no_stack_starts_in_such_a_directory(directory: Path) -> None:
    directory.chmod(0o777)
    with pytest.raises(StackError, match="may be written by others"):
        async with running_stack(directory):
            pass
    assert not list(directory.iterdir())


def test_a_new_directory_is_ours_alone_whatever_the_umask(tmp_path: Path) -> None:
    program = (
        "import asyncio, os, sys; from pathlib import Path\n"
        "from dispatch.stack.embedded import _directory\n"
        "os.umask(0)\n"
        "with _directory(Path(sys.argv[1])): pass"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "new"], check=True)
    assert not (tmp_path / "new").stat().st_mode & 0o066


@pytest.fixture
def announced(directory: Path) -> Iterator[Path]:
    with locked(directory):
        announce(directory, Addresses(os.getpid(), "127.0.0.1:1", "postgresql:///x", "c"))
        yield directory


def test_addresses_that_only_we_may_write_are_read(announced: Path) -> None:
    found = running(announced)
    assert found is not None
    assert found.bootstrap == "127.0.0.1:1"


@pytest.mark.parametrize("name", [".", ADDRESS_FILE])
def test_addresses_that_others_may_have_written_are_refused(announced: Path, name: str) -> None:
    (announced / name).chmod(0o777)
    with pytest.raises(StackError, match="may be written by others"):
        running(announced)


def test_who_needs_nothing_of_them_goes_on(
    announced: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced.chmod(0o777)
    monkeypatch.setenv("DISPATCH_DATA_DIR", str(announced))
    with pytest.raises(StackError):
        Invocation().settings()
    monkeypatch.setenv("DISPATCH_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setenv("DISPATCH_DATABASE__DSN", "postgresql:///own")
    assert Invocation().settings().kafka.bootstrap_servers == "127.0.0.1:9"


@as_root
def test_an_account_that_runs_something_is_left_alone() -> None:
    first = stand_in()
    assert first not in ("", "root", "nobody")
    uid = pwd.getpwnam(first).pw_uid
    with subprocess.Popen(["sleep", "60"], user=uid, group=uid, extra_groups=[]) as process:
        try:
            assert stand_in() != first
        finally:
            process.kill()


@as_root
def test_all_that_is_in_a_directory_is_given(directory: Path, tmp_path: Path) -> None:
    inner = directory / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    other = tmp_path / "other"
    other.touch()
    (inner / "link").symlink_to(other)
    give(directory, "nobody")
    uid = pwd.getpwnam("nobody").pw_uid
    assert {path.lstat().st_uid for path in (directory, *directory.rglob("*"))} == {uid}
    assert other.stat().st_uid == 0
