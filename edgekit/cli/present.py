"""How results look on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgekit.cli.output import print_json, print_table
from edgekit.core.contract import InputContract
from edgekit.core.device import DeviceProfile
from edgekit.core.measurement import Classification
from edgekit.core.model import Model
from edgekit.core.proof import Proof

if TYPE_CHECKING:
    from edgekit.api import Inspection, Validation
    from edgekit.pipeline.plan import Way


def show_models(models: Sequence[Model], *, as_json: bool) -> None:
    """The artifacts a verb has made: where they are, how big, and what their proofs say."""
    if as_json:
        print_json(models)
        return
    for model in models:
        print(f"{model.path}  ({model.target}, {model.size_bytes / 1000:.1f} kB)")
        for spec in model.inputs:
            print(f"  input   {spec}")
        for spec in model.outputs:
            print(f"  output  {spec}")
        if model.proof:
            print(f"  proof   {proof_words(model.proof)}")
        for note in model.notes:
            print(f"  note    {note}")


def show_ways(ways: Sequence[Way], *, as_json: bool) -> None:
    """The ways `convert` would consider, and which of them it would try first."""
    if as_json:
        print_json(ways)
        return
    print_table(
        ["target", "tried", "cost", "by", "packages"],
        [
            (w.target, "first" if w.first else "later", f"{w.cost:g}", ", ".join(w.hops), _packages(w.missing, w.fix))
            for w in ways
        ],
    )
    for gap, why in {gap: why for way in ways for gap, why in way.gaps.items()}.items():
        print(f"gap  {gap}: {why}")


def _packages(missing: Sequence[str], fix: str) -> str:
    return f"missing {', '.join(missing)}: {fix}" if missing else "installed"


def proof_words(proof: Proof) -> str:
    """A proof in one line."""
    words = []
    if proof.outputs:
        worst = min(proof.outputs, key=lambda row: row.cosine)
        snr = "bitwise equal" if worst.snr_db is None else f"SNR {worst.snr_db:.1f} dB"
        words.append(f"{snr}, cosine {worst.cosine:.5f}, largest error {worst.max_abs_error:.2g}")
    if proof.agreement is not None and proof.agreement_interval is not None:
        low, high = proof.agreement_interval
        words.append(f"{100 * proof.agreement:.1f} % same answers ({100 * low:.1f} to {100 * high:.1f})")
    verdict = "holds" if proof.passed else "FAILED"
    return f"{verdict} on {proof.samples} {proof.data.removeprefix(f'{proof.samples} ')}: " + "; ".join(words)


def _show_known(model: Model) -> None:
    """The files, the interface, and what the manifest says of them."""
    print(f"{model.files[0]}: {model.target}, {model.size_bytes / 1000:.1f} kB")
    for spec in model.inputs:
        print(f"  input   {spec}")
    for spec in model.outputs:
        print(f"  output  {spec}")
    if model.contract:
        print(f"  takes   {contract_words(model.contract)}")
    if model.labels:
        print(f"  labels  {len(model.labels)}: {', '.join(model.labels[:10])}{', ...' if len(model.labels) > 10 else ''}")
    if model.proof:
        print(f"  proof   {proof_words(model.proof)}")


def contract_words(contract: InputContract) -> str:
    """An input contract in one line."""
    values = f"(x - {_numbers(contract.mean)}) / {_numbers(contract.std)}"
    if contract.kind == "tensor":
        return f"tensors, {values}"
    size = f"{contract.height}x{contract.width} {contract.channels}"
    rule = "" if contract.resize == "none" else f", resize {contract.resize}"
    if contract.resize_to:
        rule += f" to {contract.resize_to}"
    if contract.crop != "none":
        rule += f", crop {contract.crop}"
    return f"images {size}{rule}, {values}, {contract.layout.value}"


def show_validations(rows: Sequence[Validation]) -> None:
    """Scores of each model, and its paired test."""
    print_table(
        ["model", "accuracy", "95 % interval", "precision", "recall", "F1", "samples", "against"],
        [
            (
                row.name,
                *(_percent(s.accuracy), _interval(s), _percent(s.precision), _percent(s.recall), _percent(s.f1)),
                str(s.samples),
                f"{row.paired.reference}: {row.paired.verdict}" if row.paired else "",
            )
            for row in rows
            for s in (row.scores,)
        ],
    )
    for row in rows:
        if row.paired and row.paired.flips:
            flips = row.paired.flips
            named = "; ".join(f"{f.sample} ({f.truth}): {f.before} became {f.after}" for f in flips[:5])
            rest = f"; and {len(flips) - 5} more (--json has all)" if len(flips) > 5 else ""
            print(f"{row.name} changed {_count(len(flips), 'answer')}: {named}{rest}")


def show_inspection(found: Inspection, *, every_op: bool) -> None:
    """What is known of a model, and its graph in numbers."""
    _show_known(found.model)
    graph = found.graph
    size = f"{graph.parameter_bytes / 1000:.1f} kB"
    print(f"  {graph.parameters:,} parameters in {size}, {graph.macs / 1e6:,.2f} million MACs")
    source = "the graph the runtime executes" if graph.evidence == "runtime" else "the types in the file"
    print(
        f"  {100 * graph.integer_macs_share:.1f} % of the MACs run in integers, {100 * graph.hybrid_macs_share:.1f} % with "
        f"activations quantized at run time (from {source})"
    )
    if graph.float_islands:
        print(f"  {_count(len(graph.float_islands), 'float island')} between integer operators:")
        for island in graph.float_islands:
            print(f"    {island}")
    if graph.transposes:
        print(f"  {_count(graph.transposes, 'transpose')}, {graph.transpose_bytes / 1000:.1f} kB moved in each inference")
    if every_op:
        print_table(
            ["operator", "type", "MACs", "arithmetic"],
            [(op.name, op.kind, f"{op.macs:,}" if op.macs else "", op.arithmetic) for op in graph.ops],
        )
    else:
        kinds = Counter((op.kind, op.arithmetic) for op in graph.ops)
        print_table(["type", "arithmetic", "count"], [(kind, how, str(n)) for (kind, how), n in kinds.most_common()])


def show_device(profile: DeviceProfile) -> None:
    """A device profile with its sources."""
    print(f"{profile.name}: {profile.title} ({profile.architecture})")
    for core in profile.cores:
        features = f", {' '.join(core.features)}" if core.features else ""
        print(f"  cores        {core.count} x {core.name}, {core.max_ghz:g} GHz{features}")
    if profile.memory_gib:
        print(f"  memory       {', '.join(f'{size:g}' for size in profile.memory_gib)} GiB")
    for system in profile.systems:
        print(f"  system       {system}")
    for name, words in profile.runtimes.items():
        print(f"  runtime      {name}: {words}")
    for part in profile.accelerators:
        tops = f", {part.tops:g} TOPS" if part.tops else ""
        print(f"  accelerator  {part.name} ({part.kind}{tops}), through {part.reached_by}")
    for name, place in profile.sensors.items():
        print(f"  sensor       {name}: {place}")
    for note in profile.notes:
        print(f"  note         {note}")
    for group, source in profile.sources.items():
        print(f"  source       {group}: {source}")


def cores_of(profile: DeviceProfile) -> str:
    """`4 x Cortex-A76 2.4 GHz`, or nothing for a profile without cores of its own."""
    return " + ".join(f"{core.count} x {core.name} {core.max_ghz:g} GHz" for core in profile.cores)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _numbers(values: Sequence[float]) -> str:
    return f"{values[0]:g}" if len(values) == 1 else f"[{', '.join(f'{v:g}' for v in values)}]"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _interval(scores: Classification) -> str:
    return f"{100 * scores.interval[0]:.2f} to {100 * scores.interval[1]:.2f}"
