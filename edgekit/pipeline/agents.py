"""Runs a job with the agent on this machine: a child process with its own process group, watched until it is done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgekit import errors
from edgekit.core.job import JOB_SCHEMA, RESULT_SCHEMA, Job, JobResult
from edgekit.core.serde import dumps, from_json, to_json

_GRACE_S = 60.0
"""Beyond the time limits of all models together: starting processes, reading samples, writing results."""


def run_job(job: Job, *, log: Path, on_event: Callable[[Mapping[str, Any]], None] = lambda _: None) -> JobResult:
    """Runs `job` and returns what it found; its files are in `job.out`.

    Args:
        job: The job.
        log: File that what the engines print is appended to.
        on_event: Gets each progress message, `{"step": 3, "steps": 26, "text": "..."}`.

    Raises:
        EdgekitError: The agent refused the whole job.
        CrashError: The agent died.
        TimeLimitError: It ran past the time limits of all its models together.
        DiskSpaceError: There is no room for its files.
        WriteError: There is no permission to write them.
    """
    try:
        job.out.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        _run(job, log, on_event)
    except OSError as problem:
        raise errors.from_os_error(problem, problem.filename or job.out) from problem
    return read_result(job.out)


def _run(job: Job, log: Path, on_event: Callable[[Mapping[str, Any]], None]) -> None:
    with tempfile.TemporaryDirectory(prefix=".job-", dir=job.out) as folder:
        file = Path(folder) / "job.json"
        file.write_text(dumps({"schema": JOB_SCHEMA, **to_json(job)}), encoding="utf-8")
        with log.open("ab") as stream:
            command = [sys.executable, "-m", "edgekit.agent", str(file), "--parent", str(os.getpid())]
            agent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stream, start_new_session=True)
        _watch(agent, _time_limit_s(job), log, on_event)


def read_result(out: Path) -> JobResult:
    """The result in a job's folder.

    Raises:
        CrashError: There is none, or it is of another schema.
    """
    try:
        body = json.loads((out / "result.json").read_text(encoding="utf-8"))
        if body["schema"] != RESULT_SCHEMA:
            raise ValueError(f"its schema is {body['schema']}")
        return from_json(JobResult, body)
    except (OSError, ValueError, KeyError) as problem:
        raise errors.CrashError(
            f"The agent left no result in {out}: {problem}.", fix="Run the command again; report it if it happens again."
        ) from problem


def _watch(agent: subprocess.Popen[bytes], limit_s: float, log: Path, on_event: Callable[[Mapping[str, Any]], None]) -> None:
    assert agent.stdout is not None
    timed_out = threading.Event()

    def stop() -> None:
        timed_out.set()
        _kill_group(agent)

    timer = threading.Timer(limit_s, stop)
    timer.daemon = True
    timer.start()
    try:
        for line in agent.stdout:
            message = json.loads(line)
            if "error" in message:
                sent = message["error"]
                raise errors.by_name()[sent["type"]](sent["message"], fix=sent["fix"], cause=sent["cause"])
            on_event(message["event"])
        code = agent.wait()
    finally:
        timer.cancel()
        _kill_group(agent)
        agent.wait()
        agent.stdout.close()
    if timed_out.is_set():
        raise errors.TimeLimitError(
            f"The agent had not finished after {limit_s:.0f} s and was stopped.",
            fix="Give it more time, or fewer artifacts or samples.",
        )
    if code != 0:
        words = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        raise errors.CrashError(
            f"The agent died: {words}.{_last_line(log)}", fix=f"Close other programs and run it again. Its log: {log}"
        )


def _kill_group(agent: subprocess.Popen[bytes]) -> None:
    """Ends the agent and every child of it; they share the process group that the agent leads."""
    try:
        os.killpg(agent.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _time_limit_s(job: Job) -> float:
    rounds = len(job.plan.threads) if job.plan else 1
    return job.time_limit_s * rounds * (len(job.models) + 1) + _GRACE_S


def _last_line(log: Path) -> str:
    try:
        text = log.read_bytes()[-1500:].decode(errors="replace").strip()
    except OSError:
        return ""
    return f" It last said: {text.splitlines()[-1]}" if text else ""
