"""One artifact in a process of its own, asked over a pipe: what crashes or hangs there fails one artifact, not the job."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from edgekit import errors


class Child:
    """`python -m edgekit.agent.child`, started at construction; a line of JSON in, a line of JSON out.

    Args:
        model_id: The artifact, for messages.
        time_limit_s: All its answers together must come within this time; time in which it waits is not counted.
    """

    def __init__(self, model_id: str, time_limit_s: float) -> None:
        self._id = model_id
        self._left_s = self._limit_s = time_limit_s
        self._buffer = b""
        self._answers, write_end = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edgekit.agent.child", str(write_end), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=sys.stderr.fileno(),
            pass_fds=(write_end,),
        )
        os.close(write_end)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Sends one request and returns the answer.

        Raises:
            EdgekitError: What the child raised.
            CrashError: The child died.
            TimeLimitError: The child's time is used up; it is killed.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(dict(request)).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._crash() from None
        message: dict[str, Any] = json.loads(self._line())
        if "error" in message:
            sent = message["error"]
            raise errors.by_name()[sent["type"]](sent["message"], fix=sent["fix"], cause=sent["cause"])
        return message

    def close(self) -> None:
        """Ends the child, at once."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except BrokenPipeError:  # a request it never read
                self._process.stdin = None
        if self._answers >= 0:
            os.close(self._answers)
            self._answers = -1

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _line(self) -> bytes:
        started = time.monotonic()
        while b"\n" not in self._buffer:
            left = self._left_s - (time.monotonic() - started)
            ready, _, _ = select.select([self._answers], [], [], max(left, 0.0))
            if not ready:
                self.close()
                raise errors.TimeLimitError(
                    f"{self._id} had not finished after {self._limit_s:.0f} s and was stopped.",
                    fix="Give it more time, or a smaller model or fewer samples.",
                )
            block = os.read(self._answers, 1 << 16)
            if not block:
                raise self._crash()
            self._buffer += block
        self._left_s -= time.monotonic() - started
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _crash(self) -> errors.CrashError:
        code = self._process.wait()
        self.close()
        words = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        fix = "Its runtime crashed on this model; try another target or another version of the runtime."
        if code == -signal.SIGKILL:
            fix = "It was probably out of memory: close other programs, or measure fewer artifacts at a time."
        return errors.CrashError(f"The process that ran {self._id} died: {words}.", fix=fix)
