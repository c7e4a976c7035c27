"""Float islands and Einsum counts on small graphs drawn by hand."""

from __future__ import annotations

from edgekit.core.graph import GraphSummary, OpSummary, einsum_macs, float_islands


def ops(*arithmetic: str) -> list[OpSummary]:
    return [OpSummary(f"n{index}", "Op", 10, word) for index, word in enumerate(arithmetic)]


def test_float_at_the_ends_is_no_island() -> None:
    chain = [(), (0,), (1,), (2,)]
    assert float_islands(ops("float", "int", "int", "float"), chain) == ()


def test_neighbors_through_a_conversion_are_one_island() -> None:
    chain = [(), (0,), (1,), (2,), (3,), (4,)]
    assert float_islands(ops("int", "none", "float", "none", "float", "int"), chain) == ("Op n2 + Op n4",)


def test_parallel_branches_are_islands_of_their_own() -> None:
    found = float_islands(ops("int", "float", "float", "int"), [(), (0,), (0,), (1, 2)])
    assert found == ("Op n1", "Op n2")


def test_a_float_branch_that_never_comes_back_is_no_island() -> None:
    assert float_islands(ops("int", "float", "int"), [(), (0,), (0,)]) == ()


def test_a_long_island_is_shortened() -> None:
    found = float_islands(ops("int", *["float"] * 6, "int"), [(), *[(i,) for i in range(7)]])
    assert found == ("Op n1 + Op n2 + Op n3 + Op n4 and 2 more",)


def test_shares_are_of_all_macs() -> None:
    summary = GraphSummary.of(
        ops("int", "hybrid", "float", "float"), [()] * 4, parameters=(1, 4), transposes=(0, 0), evidence="file"
    )
    assert (summary.macs, summary.integer_macs_share, summary.hybrid_macs_share) == (40, 0.25, 0.25)


def test_a_graph_without_products_has_no_integer_share() -> None:
    summary = GraphSummary.of((), (), parameters=(0, 0), transposes=(0, 0), evidence="file")
    assert summary.integer_macs_share == 0.0


def test_einsum_multiplies_the_lengths_of_its_letters() -> None:
    assert einsum_macs("abc,cd->abd", [(2, 3, 4), (4, 5)]) == 2 * 3 * 4 * 5
    assert einsum_macs("...ij, ...jk -> ...ik", [(7, 2, 3), (3, 5)]) == 7 * 2 * 3 * 5
    assert einsum_macs("ij->ji", [(2, 3)]) == 0
