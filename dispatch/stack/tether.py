"""Run a command that ends when its parent does, as another account if need be.

    tether.py PARENT SIGNAL ACCOUNT COMMAND...

The stack runs this file by itself, with a bare interpreter: between fork and exec of a process
with threads hardly anything is safe to do. ACCOUNT is a name, or empty to stay who one is.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent and become the command."""
    parent, signal, account, *command = sys.argv[1:]
    if account:
        entry = pwd.getpwnam(account)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        os.environ["HOME"] = "/"
    # After the change of account, which would undo it.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal)) != 0:
        sys.exit(f"tether: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):
        sys.exit("tether: the parent has gone")
    os.execv(command[0], command)  # noqa: S606 - the caller's own command, no shell


if __name__ == "__main__":
    main()
