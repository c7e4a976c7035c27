"""Every runtime on the same tiny CNN: the same answers, at any number of threads, and plain refusals."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit import registry
from edgekit.core.session import Runtime
from tests.models import Zoo, snr_db

RUNTIMES: list[Runtime] = registry.every("runtimes")
every_runtime = pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)


def file_for(runtime: Runtime, zoo: Zoo) -> Path:
    path: Path = getattr(zoo, runtime.formats[0])
    return path


def threads_for(runtime: Runtime) -> int:
    """One thread; where an engine keeps the count it began with, that one."""
    if "thread_change" not in runtime.gaps:
        return 1
    import tensorflow

    return tensorflow.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1


def answers(runtime: Runtime, zoo: Zoo, threads: int) -> Any:
    with runtime.open(file_for(runtime, zoo), threads=threads) as session:
        return np.concatenate([session.run([row[None]])[0] for row in zoo.fresh])


@every_runtime
def test_the_answers_are_those_of_the_float_model(runtime: Runtime, zoo: Zoo) -> None:
    assert snr_db(zoo.answers, answers(runtime, zoo, threads_for(runtime))) > 80


@every_runtime
def test_threads_change_no_answer(runtime: Runtime, zoo: Zoo) -> None:
    if "thread_change" in runtime.gaps:
        pytest.skip(runtime.gaps["thread_change"])
    np.testing.assert_allclose(answers(runtime, zoo, 2), answers(runtime, zoo, 1), rtol=1e-5, atol=1e-5)


@every_runtime
def test_a_wrong_feed_is_refused_with_both_sides_named(runtime: Runtime, zoo: Zoo) -> None:
    good = zoo.fresh[:1]
    with runtime.open(file_for(runtime, zoo), threads=threads_for(runtime)) as session:
        with pytest.raises(ValueError, match=r"takes shape \[.*12, 12, 3\], got \[1, 3, 12, 12\]"):
            session.run([good.transpose(0, 3, 1, 2)])
        with pytest.raises(ValueError, match="takes float32, got uint8"):
            session.run([good.astype(np.uint8)])
        with pytest.raises(ValueError, match="has 1 inputs, got 2"):
            session.run([good, good])
        assert session.run([good])[0].shape == (1, 5)


@every_runtime
def test_closing_twice_is_fine(runtime: Runtime, zoo: Zoo) -> None:
    session = runtime.open(file_for(runtime, zoo), threads=threads_for(runtime))
    session.run([zoo.fresh[:1]])
    with session:
        pass
    with session:
        pass


@every_runtime
def test_what_run_returns_outlives_the_session(runtime: Runtime, zoo: Zoo) -> None:
    with runtime.open(file_for(runtime, zoo), threads=threads_for(runtime)) as session:
        kept = session.run([zoo.fresh[:1]])[0]
        copy = kept.copy()
        session.run([zoo.fresh[1:2]])
    np.testing.assert_array_equal(kept, copy)
