"""`python -m edgekit.agent.child FD PARENT`: holds one open artifact and does what the agent asks of it, line by line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any

from edgekit import errors
from edgekit.agent import artifact
from edgekit.agent.lifeline import die_with_parent

Handler = Callable[[Mapping[str, Any]], dict[str, Any]]


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answers every request with one line; ends when there are no more."""
    timed = artifact.Timed()
    handlers: dict[str, Handler] = {
        "infer": artifact.infer,
        "open": timed.open,
        "warm": timed.warm,
        "block": timed.block,
        "peak": timed.peak,
    }
    for line in requests:
        request = json.loads(line)
        answer = _answer(handlers[request["do"]], request)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _answer(handler: Handler, request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return handler(request)
    except errors.EdgekitError as error:
        known = error
    except OSError as error:
        known = errors.from_os_error(error, error.filename or "the job's out folder")
    except MemoryError:
        known = errors.InferenceError(
            "There was not enough memory for the model and its samples.",
            fix="Close other programs, or use a smaller model or fewer samples.",
        )
    return {"error": {"type": type(known).__name__, "message": known.message, "fix": known.fix, "cause": known.cause}}


if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]))
    with os.fdopen(int(sys.argv[1]), "w", encoding="utf-8") as pipe:
        serve(sys.stdin, pipe)
