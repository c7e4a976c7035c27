"""Classification: accuracy with its interval, precision, recall and F1 (macro and per class), confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgekit.core.measurement import Classification, ClassScores
from edgekit.errors import DataError, LabelError
from edgekit.metrics.intervals import wilson


def classify(truth: Sequence[int], answers: Sequence[int], labels: Sequence[str]) -> Classification:
    """Scores answers against the truth.

    A class that was never answered has precision 0, one without samples recall 0, and both count in the macro averages
    (what scikit-learn does with `zero_division=0`), so a model cannot look better by ignoring a class.

    Args:
        truth: The true class of each sample, an index into `labels`.
        answers: The answer for each sample, an index into `labels`.
        labels: Class names.

    Raises:
        DataError: There are no samples, or as many answers as samples are not there.
        LabelError: A class is outside the labels.
    """
    import numpy as np

    true, answered = checked(truth, answers, labels)
    count = len(labels)
    confusion = np.bincount(true * count + answered, minlength=count * count).reshape(count, count)
    right = np.diagonal(confusion)
    support, given = confusion.sum(axis=1), confusion.sum(axis=0)
    precision, recall = _share(right, given), _share(right, support)
    f1 = _share(2 * right, given + support)
    return Classification(
        accuracy=int(right.sum()) / len(true),
        interval=wilson(int(right.sum()), len(true)),
        precision=float(precision.mean()),
        recall=float(recall.mean()),
        f1=float(f1.mean()),
        classes=tuple(
            ClassScores(label, float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, label in enumerate(labels)
        ),
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
        samples=len(true),
    )


def checked(truth: Sequence[int], answers: Sequence[int], labels: Sequence[str]) -> tuple[Any, Any]:
    """Both as `int64[n]`, after the checks of `classify`."""
    import numpy as np

    if len(truth) == 0 or len(truth) != len(answers):
        raise DataError(
            f"There are {len(answers)} answers for {len(truth)} labelled samples.",
            fix="Give at least one labelled sample, and one answer for each.",
        )
    arrays = np.asarray(truth, np.int64), np.asarray(answers, np.int64)
    for what, array in zip(("label", "answer"), arrays, strict=True):
        wrong = np.flatnonzero((array < 0) | (array >= len(labels)))
        if wrong.size:
            raise LabelError(
                f"The {what} of sample {wrong[0]} is class {array[wrong[0]]}, but there are {len(labels)} classes"
                f" (0 to {len(labels) - 1}).",
                fix="Correct the labels, or use the dataset that the model was trained on.",
            )
    return arrays


def _share(part: Any, whole: Any) -> Any:
    """The share, 0 where the whole is 0."""
    import numpy as np

    return np.divide(part, whole, out=np.zeros(len(part), np.float64), where=whole > 0)
