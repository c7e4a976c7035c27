"""Classification scores against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit.errors import DataError, LabelError
from edgekit.metrics.classification import classify


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_score_equals_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn (a dependency of mlxtend) is not installed")
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 5, 200)
    answers = np.where(rng.random(200) < 0.7, truth, rng.integers(0, 4, 200))
    found = classify(truth.tolist(), answers.tolist(), list("abcdef"))  # class f has no samples and no answers

    each = metrics.precision_recall_fscore_support(truth, answers, labels=range(6), zero_division=0)
    assert [c.precision for c in found.classes] == pytest.approx(each[0].tolist())
    assert [c.recall for c in found.classes] == pytest.approx(each[1].tolist())
    assert [c.f1 for c in found.classes] == pytest.approx(each[2].tolist())
    assert [c.support for c in found.classes] == each[3].tolist()
    macro = metrics.precision_recall_fscore_support(truth, answers, labels=range(6), average="macro", zero_division=0)
    assert (found.precision, found.recall, found.f1) == pytest.approx(macro[:3])
    assert np.array_equal(found.confusion, metrics.confusion_matrix(truth, answers, labels=range(6)))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, answers))
    assert found.interval[0] < found.accuracy < found.interval[1]


def test_labels_outside_the_classes_are_named() -> None:
    with pytest.raises(LabelError, match="label of sample 1 is class 2, but there are 2 classes"):
        classify([0, 2], [0, 1], ["a", "b"])
    with pytest.raises(LabelError, match="answer of sample 0 is class -1"):
        classify([0, 1], [-1, 1], ["a", "b"])


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(DataError, match="0 answers for 0"):
        classify([], [], ["a"])
    with pytest.raises(DataError, match="1 answers for 2"):
        classify([0, 0], [0], ["a"])
