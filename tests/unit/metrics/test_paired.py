"""The paired test: exact p-values, verdicts and the list of changed answers."""

from __future__ import annotations

import pytest

from edgekit.core.measurement import Flip, PairedTest
from edgekit.metrics.paired import compare, mcnemar


def test_mcnemar_equals_published_and_scipy_values() -> None:
    # Bentur et al. 2009 in Fagerland, Lydersen and Laake 2014: exact conditional p = 0.0703.
    assert mcnemar(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 5) == 1.0
    stats = pytest.importorskip("scipy.stats", reason="scipy is not a dependency of edgekit")
    for pair in [(3, 14), (40, 25), (900, 1100), (0, 6)]:
        assert mcnemar(*pair) == pytest.approx(stats.binomtest(min(pair), sum(pair)).pvalue, rel=1e-9)


def _compared(worse: int, better: int, same: int) -> PairedTest:
    truth = [0] * (worse + better + same)
    before = [0] * worse + [1] * better + [0] * same
    after = [1] * worse + [0] * better + [0] * same
    return compare(truth, before, after, ["no", "yes"], [f"row {i}" for i in range(len(truth))], "dense")


def test_verdicts_say_what_the_samples_support() -> None:
    assert _compared(3, 2, 995).verdict == "no measurable difference"
    assert _compared(0, 0, 10).verdict == "no measurable difference"
    worse = _compared(30, 2, 968)
    assert worse.difference == pytest.approx(-0.028)
    low, high = worse.interval
    assert low < -0.028 < high < 0
    assert worse.verdict == f"worse by 2.8 points (95 % interval {-high * 100:.1f} to {-low * 100:.1f})"
    assert _compared(2, 30, 968).verdict.startswith("better by 2.8 points (95 % interval ")


def test_every_changed_answer_is_listed_even_when_both_are_wrong() -> None:
    found = compare([0, 1, 2], [0, 0, 2], [0, 2, 1], ["a", "b", "c"], ["x.png", "y.png", "z.png"], "dense/keras")
    assert found.flips == (Flip("y.png", "b", "a", "c"), Flip("z.png", "c", "c", "b"))
    assert (found.only_reference_right, found.only_this_right) == (1, 0)
    assert found.reference == "dense/keras"
