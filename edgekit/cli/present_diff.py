"""How a comparison of two models looks on a terminal."""

from __future__ import annotations

from edgekit.cli.output import print_table
from edgekit.pipeline.diff import Comparison, TensorPair


def show_comparison(found: Comparison, rows: int) -> None:
    """The verdict on the outputs, the worst tensors, and the first that departs."""
    proof = found.outputs
    verdict = "same outputs" if found.same else "different outputs"
    print(f"{verdict} on {proof.samples} {proof.data.removeprefix(f'{proof.samples} ')}")
    for row in proof.outputs:
        print(f"  {row.name}  SNR {_snr(row.snr_db)}, cosine {row.cosine:.6f}, largest error {row.max_abs_error:.3g}")
    if proof.agreement is not None and proof.agreement_interval is not None:
        low, high = (100 * share for share in proof.agreement_interval)
        print(f"  {100 * proof.agreement:.1f} % same answers ({low:.1f} to {high:.1f})")
    for reason in proof.reasons:
        print(f"  {reason}")
    if not found.tensors:
        print("no tensor along the graph has a counterpart")
        return
    listed = found.tensors[:rows]
    print(f"\n{len(found.tensors)} tensors compared on {found.traced} samples, worst first:")
    print_table(
        ["tensor", "operator", "counterpart", "shape", "SNR", "cosine", "largest error"],
        [
            (
                *(_short(t.name), t.kind, "same name" if t.other == t.name else _short(t.other)),
                "x".join(map(str, t.shape)),
                *(_snr(t.snr_db), f"{t.cosine:.6f}", f"{t.max_abs_error:.3g}"),
            )
            for t in listed
        ],
    )
    if found.alone:
        print(f"{len(found.alone)} tensors of the first model have no counterpart: the second has fused or rewritten them.")
    print(_departure(found.first, found.threshold_db))


def _departure(first: TensorPair | None, threshold_db: float) -> str:
    if first is None:
        return f"No tensor departs: every SNR is at least {threshold_db:g} dB."
    return f"The first to depart: {_short(first.name)} ({first.kind}), SNR {_snr(first.snr_db)}, cosine {first.cosine:.6f}."


def _short(name: str) -> str:
    """The first of the names that TFLite's converter joins when it fuses operators."""
    return name.partition(";")[0]


def _snr(snr_db: float | None) -> str:
    return "bitwise equal" if snr_db is None else f"{snr_db:.1f} dB"
