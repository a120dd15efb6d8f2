"""Become the given command, tied to the life of whoever started it: `launch.py PARENT SIGNAL COMMAND...`.

Run as a script of its own, isolated and without site packages, before each child's command: on Linux the kernel then
sends SIGNAL when the parent dies, however it dies, so a `make run` killed with -9 leaves nothing behind. (A
`preexec_fn` would run Python between fork and exec of a program with threads.)
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h

if __name__ == "__main__":
    parent, death_signal = int(sys.argv[1]), int(sys.argv[2])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 - a launcher's whole purpose
