"""A process that ends when its parent does, so that a killed run leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""prctl(2), linux/prctl.h: the signal this process gets when its parent dies."""


def die_with_parent(parent: int) -> None:
    """Ends this process when process `parent` is gone.

    Linux does it at once and without a thread that would wake up inside a measurement; elsewhere a thread looks twice
    a second.
    """
    if sys.platform.startswith("linux"):
        import ctypes

        if ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0:
            if os.getppid() != parent:  # it died before the call
                os._exit(1)
            return
    from edgekit.worker import exit_when_orphaned

    exit_when_orphaned(parent)
