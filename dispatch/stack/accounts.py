"""Whose the stack's files are, and as whom PostgreSQL runs for root."""

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import Final

from dispatch.errors import StackError

# Accounts that distributions have and that run nothing; `nobody` is many programs' at once.
_PLACEHOLDERS: Final = ("games", "uucp", "news", "irc", "list", "nobody")
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def stand_in() -> str:
    """Return the account as which PostgreSQL runs for root, as no other program does now.

    Empty for everybody else, and where there is none.
    """
    if os.geteuid() != 0:
        return ""
    busy = _busy()
    for name in _PLACEHOLDERS:
        try:
            uid = pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
        if uid != 0 and uid not in busy:
            return name
    return ""


def _busy() -> set[int]:
    """Return the ids of accounts that run anything but an embedded PostgreSQL."""
    found = set()
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            program = str((process / "exe").readlink())
            owner = process.stat().st_uid
        except OSError:
            # It has ended, or is the kernel's.
            continue
        if "/pginstall/bin/" not in program:
            found.add(owner)
    return found


def give(path: Path, account: str) -> None:
    """Give a directory and all that is in it to an account, where it is not that account's."""
    entry = pwd.getpwnam(account)
    if path.lstat().st_uid == entry.pw_uid:
        return
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(Path(folder) / name, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
    os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


def refuse_what_others_may_write(path: Path) -> None:
    """Raise StackError when anybody but us and root could replace what is at a path.

    As OpenSSH does with its files: the path and every directory above it, and where links lead. A
    directory with the sticky bit may hold what is ours; a group of which we are the only member is
    we.
    """
    wanted = path.absolute()
    for each in dict.fromkeys((wanted, wanted.resolve())):
        for part in (each, *each.parents):
            _refuse(part, path)


def _refuse(part: Path, path: Path) -> None:
    link = part.lstat()
    found = part.stat()
    for owner in (link.st_uid, found.st_uid):
        if owner not in (0, os.geteuid()):
            raise StackError(
                f"{_of(part, path)} belongs to {_name(owner)}, neither to root nor to us: "
                "choose another data directory (DISPATCH_DATA_DIR)"
            )
    others = found.st_mode & _OTHERS_WRITE
    if others & stat.S_IWGRP and _is_ours_alone(found.st_gid):
        others &= ~stat.S_IWGRP
    if others and not (part != path.absolute() and found.st_mode & stat.S_ISVTX):
        raise StackError(
            f"{_of(part, path)} may be written by others (mode {stat.S_IMODE(found.st_mode):04o}): "
            f"chmod go-w {part}, or choose another data directory (DISPATCH_DATA_DIR)"
        )


def _of(part: Path, path: Path) -> str:
    return str(part) if part == path.absolute() else f"{part}, which holds {path},"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"account {uid}"


def _is_ours_alone(gid: int) -> bool:
    if gid != os.getegid():
        return gid == 0
    try:
        group, ours = grp.getgrgid(gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return group.gr_name == ours.pw_name and set(group.gr_mem) <= {ours.pw_name}
