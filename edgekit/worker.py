"""A warm child process that runs functions by reference: what can crash (converters, training) runs here.

The parent writes one JSON object a line, `{"call": "package.module:function", "payload": {...}}`; the child answers with
any number of `{"event": {...}}` and one `{"result": {...}}` or `{"error": {...}}`. The protocol has a pipe of its own:
whatever a library prints goes to the worker's log file. A child ends itself when its parent is gone.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from edgekit import errors, registry

Function = Callable[[Mapping[str, Any], Callable[[Mapping[str, Any]], None]], Mapping[str, Any]]
"""What a worker runs: `function(payload, emit) -> result`, all JSON values."""

_LOG_TAIL_BYTES = 1500

_OWN = [sys.executable, "-m", "edgekit.worker"]
_FOREIGN = """
import importlib.util, runpy, sys
sys.path[:] = [entry for entry in sys.path if entry]
folder = sys.argv.pop(1)
spec = importlib.util.spec_from_file_location("edgekit", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["edgekit"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["edgekit"])
runpy.run_module("edgekit.worker", run_name="__main__")
"""
"""Starts a worker in an interpreter that has no edgekit: this package alone is lent to it. Its parent folder on PYTHONPATH
would lend every package beside it too, and those are of another Python. The folder the user is in is left out as well."""


class Worker:
    """One child process, started at the first call and again after a crash.

    Args:
        log: File that everything the child prints is appended to.
        environment: Variables set for the child beside the parent's own.
        python: The interpreter that runs it, with packages of its own; this one when None.
    """

    def __init__(self, log: Path, environment: Mapping[str, str] | None = None, python: Path | None = None) -> None:
        self._log = log
        self._command = [str(python), "-c", _FOREIGN, str(Path(__file__).parent)] if python else _OWN
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: IO[str] | None = None

    def call(
        self,
        reference: str,
        payload: Mapping[str, Any],
        on_event: Callable[[Mapping[str, Any]], None] = lambda _: None,
        *,
        time_limit_s: float | None = None,
    ) -> dict[str, Any]:
        """Runs `reference` with `payload` in the child and returns its result.

        Raises:
            EdgekitError: What the function raised; anything else it raised comes as ConversionError with the child's
                traceback in the log.
            CrashError: The child died.
            TimeLimitError: The call ran past `time_limit_s`; the child is killed.
        """
        process, answers = self._started()
        assert process.stdin is not None
        timed_out = threading.Event()

        def stop() -> None:
            timed_out.set()
            process.kill()

        timer = threading.Timer(time_limit_s or 0, stop)
        if time_limit_s:
            timer.start()
        try:
            with suppress(BrokenPipeError):  # a child that is gone has closed its answers too
                process.stdin.write(json.dumps({"call": reference, "payload": payload}).encode() + b"\n")
                process.stdin.flush()
            for line in answers:
                if not line.endswith("\n"):  # it died while it answered
                    break
                message = json.loads(line)
                if "event" in message:
                    on_event(message["event"])
                elif "error" in message:
                    raise self._error(message["error"])
                else:
                    result: dict[str, Any] = message["result"]
                    return result
        except BaseException as problem:
            if not isinstance(problem, errors.EdgekitError):
                self.close()
            raise
        finally:
            timer.cancel()
        code = process.wait()
        self.close()
        if timed_out.is_set():
            raise errors.TimeLimitError(
                f"{reference} ran past its limit of {time_limit_s:.0f} s and was stopped.",
                fix="Give it more time, or a smaller model or fewer samples.",
            )
        raise errors.CrashError(f"{reference} died: {_exit_words(code)}.{self._tail()}", fix=_crash_fix(code, self._log))

    def close(self) -> None:
        """Ends the child, at once."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, self._answers):
            if stream is not None:
                with suppress(OSError):  # what was still in the pipe's buffer has no reader any more
                    stream.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _started(self) -> tuple[subprocess.Popen[bytes], IO[str]]:
        if self._process is not None and self._answers is not None:
            return self._process, self._answers
        read_end, write_end = os.pipe()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, str(write_end), str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(write_end,),
                env={**os.environ, **self._environment},
                start_new_session=True,
            )
        os.close(write_end)
        self._answers = os.fdopen(read_end, encoding="utf-8")
        return self._process, self._answers

    def _error(self, sent: Mapping[str, str]) -> errors.EdgekitError:
        known = errors.by_name().get(sent["type"])
        if known is not None:
            return known(sent["message"], fix=sent["fix"], cause=sent["cause"])
        return errors.ConversionError(
            f"{sent['call']} failed: {sent['type']}: {sent['message']}",
            fix=f"Read the whole story in {self._log}; `edgekit doctor` finds known-bad versions.",
        )

    def _tail(self) -> str:
        try:
            text = self._log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()
        except OSError:
            return ""
        return f" It last said: {text.splitlines()[-1]}" if text else ""


def exit_when_orphaned(parent: int) -> None:
    """Ends this process within a second after process `parent` is gone, so that a killed run leaves nothing behind."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _exit_words(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def _crash_fix(code: int, log: Path) -> str:
    if code == -signal.SIGKILL:
        return f"It was probably out of memory: close other programs or use fewer samples. Its log: {log}"
    return f"A native library crashed on this model; try another target or another version of the tool. Its log: {log}"


def _serve(answers: IO[str]) -> None:
    def send(message: Mapping[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    for line in sys.stdin:
        request = json.loads(line)
        try:
            function: Function = registry.load(request["call"])
            result = function(request["payload"], lambda event: send({"event": dict(event)}))
            send({"result": dict(result)})
        except errors.EdgekitError as error:
            send({"error": {"type": type(error).__name__, "message": error.message, "fix": error.fix, "cause": error.cause}})
        except OSError as error:
            known = errors.from_os_error(error, error.filename or "the output folder")
            send({"error": {"type": type(known).__name__, "message": known.message, "fix": known.fix, "cause": ""}})
        except Exception as error:  # a library's own exception: its traceback belongs in the log, its words in the message
            traceback.print_exc()
            words = str(error).strip().splitlines() or [""]
            if full := _disk_error(str(error)):
                send({"error": {"type": type(full).__name__, "message": full.message, "fix": full.fix, "cause": ""}})
                continue
            send({"error": {"type": type(error).__name__, "message": words[0][:500], "call": request["call"]}})


def _disk_error(text: str) -> errors.EdgekitError | None:
    """The error of the disk that a native library wrapped in one of its own."""
    for code in (errno.ENOSPC, errno.EACCES, errno.EROFS):
        if os.strerror(code) in text:
            return errors.from_os_error(OSError(code, os.strerror(code)), "the output folder")
    return None


if __name__ == "__main__":
    exit_when_orphaned(int(sys.argv[2]))
    with os.fdopen(int(sys.argv[1]), "w", encoding="utf-8") as pipe:
        _serve(pipe)
