"""Blocks are mirrored, so that a drift of the machine hits every artifact alike."""

from __future__ import annotations

from edgekit.measure.order import interleaved


def test_every_second_pass_is_the_mirror_of_the_one_before() -> None:
    order = interleaved("ABCD", blocks=6, seed=1)
    passes = [order[start : start + 4] for start in range(0, 24, 4)]
    for forward, backward in zip(passes[::2], passes[1::2], strict=True):
        assert backward == forward[::-1]
        assert sorted(forward) == list("ABCD")


def test_a_linear_drift_cancels() -> None:
    order = interleaved("ABCDE", blocks=12, seed=3)
    places = {item: [place for place, other in enumerate(order) if other == item] for item in "ABCDE"}
    assert {sum(found) / len(found) for found in places.values()} == {(len(order) - 1) / 2}
    assert {len(found) for found in places.values()} == {12}


def test_the_seed_decides_and_neighbors_change() -> None:
    assert interleaved("ABCDE", 8, seed=5) == interleaved("ABCDE", 8, seed=5)
    assert interleaved("ABCDE", 8, seed=5) != interleaved("ABCDE", 8, seed=6)
    order = interleaved("ABCDE", 8, seed=5)
    assert len({tuple(order[start : start + 5]) for start in range(0, 40, 10)}) > 1
