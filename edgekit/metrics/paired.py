"""Two models on the same samples: is one of them measurably better, and which answers changed."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.core.measurement import Flip, Interval, PairedTest
from edgekit.errors import DataError
from edgekit.metrics.classification import checked
from edgekit.metrics.intervals import paired_difference

SIGNIFICANT = 0.05
"""A p-value below this, together with an interval that leaves out 0, counts as a difference."""


def compare(
    truth: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    labels: Sequence[str],
    identities: Sequence[str],
    reference: str,
) -> PairedTest:
    """Compares the answers of an artifact with those of its reference, sample by sample.

    Args:
        truth: The true class of each sample, an index into `labels`.
        before: The reference's answers.
        after: The artifact's answers.
        labels: Class names.
        identities: A name for each sample that a user can find again.
        reference: Name of the reference.

    Raises:
        DataError: The sequences differ in length or are empty.
        LabelError: A class is outside the labels.
    """
    true, old = checked(truth, before, labels)
    _, new = checked(truth, after, labels)
    if len(identities) != len(true):
        raise DataError(
            f"There are {len(identities)} sample names for {len(true)} samples.",
            fix="Give one name for each sample.",
        )
    was_right, is_right = old == true, new == true
    only_before, only_after = int((was_right & ~is_right).sum()), int((is_right & ~was_right).sum())
    interval = paired_difference(
        int((is_right & was_right).sum()), only_after, only_before, int((~is_right & ~was_right).sum())
    )
    flips = tuple(
        Flip(identities[i], labels[true[i]], labels[old[i]], labels[new[i]]) for i in (old != new).nonzero()[0].tolist()
    )
    difference = (only_after - only_before) / len(true)
    p_value = mcnemar(only_before, only_after)
    return PairedTest(
        reference=reference,
        difference=difference,
        interval=interval,
        only_reference_right=only_before,
        only_this_right=only_after,
        p_value=p_value,
        verdict=_verdict(difference, interval, p_value),
        flips=flips,
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided p-value of McNemar's exact test (McNemar 1947): the discordant pairs as tosses of a fair coin.

    Args:
        only_first: Samples that only the first model gets right.
        only_second: Samples that only the second model gets right.
    """
    n, fewer = only_first + only_second, min(only_first, only_second)
    term = total = 1
    for k in range(fewer):
        term = term * (n - k) // (k + 1)
        total += term
    # Whole numbers until here: exact for any count, where floats would underflow beyond about 1,000 pairs.
    return min(1.0, 2 * total / (1 << n))


def _verdict(difference: float, interval: Interval, p_value: float) -> str:
    low, high = interval
    if p_value >= SIGNIFICANT or low <= 0.0 <= high:
        return "no measurable difference"
    word = "better" if difference > 0 else "worse"
    ends = sorted((abs(low), abs(high)))
    return f"{word} by {abs(difference) * 100:.1f} points (95 % interval {ends[0] * 100:.1f} to {ends[1] * 100:.1f})"
