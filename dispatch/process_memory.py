"""How much memory this process has, and how much it may have, in bytes."""

import os
from pathlib import Path
from typing import Final

_CGROUPS: Final = Path("/sys/fs/cgroup")
_OWN_GROUP: Final = Path("/proc/self/cgroup")
_STATM: Final = Path("/proc/self/statm")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Return what this process has in memory."""
    return int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE


def limit(groups: Path = _CGROUPS, own_group: Path = _OWN_GROUP) -> int:
    """Return what it may have: the least that a control group allows, or the machine has.

    In a container the own group is the root of what is seen; elsewhere its parents count, too.
    """
    machine = os.sysconf("SC_PHYS_PAGES") * _PAGE
    try:
        lines = own_group.read_text(encoding="utf-8").splitlines()
    except OSError:
        return machine
    allowed = [machine]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in {"", "memory"}:
            continue
        top = groups / controllers
        name = "memory.limit_in_bytes" if controllers else "memory.max"
        own = top / path.lstrip("/")
        for group in (top, own, *(each for each in own.parents if each.is_relative_to(top))):
            try:
                allowed.append(int((group / name).read_text(encoding="ascii")))
            except (OSError, ValueError):
                # None here, or "max".
                continue
    return min(allowed)
