"""Recipe: what one YAML file in recipes/ says - data, training, variants, targets and how to measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from edgekit.core.contract import InputContract

SCHEMA = "edgekit.recipe/1"


@dataclass(frozen=True)
class Split:
    """Shares of the samples; they add up to 1. Each class keeps its share in each split."""

    train: float
    validation: float
    test: float


@dataclass(frozen=True)
class DataSection:
    """Where the samples come from.

    Attributes:
        dataset: Name of a dataset plugin.
        options: What that plugin takes, such as {"path": "photos/"}.
        split: How the samples are divided.
    """

    dataset: str
    split: Split
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Augment:
    """Random changes of a training image, each drawn anew every epoch; off at 0.

    Attributes:
        shift: Largest shift, share of the side.
        rotate_degrees: Largest rotation, degrees.
        zoom: Largest zoom in or out, share.
    """

    shift: float = 0.0
    rotate_degrees: float = 0.0
    zoom: float = 0.0


@dataclass(frozen=True)
class TrainSection:
    """How the float model is trained.

    Attributes:
        trainer: Name of a trainer plugin.
        architecture: Name of one of its architectures.
        epochs: At most this many.
        batch_size: Samples a step.
        learning_rate: Peak learning rate; it follows a cosine down to zero over `epochs`.
        early_stopping: Epochs without a lower validation loss before training ends.
        label_smoothing: Szegedy et al. 2016, arXiv:1512.00567.
        augment: Random changes of the training images.
        options: What the architecture takes, such as {"width": 32}.
    """

    trainer: str
    architecture: str
    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 2e-3
    early_stopping: int = 6
    label_smoothing: float = 0.0
    augment: Augment = field(default_factory=Augment)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Prune:
    """How a variant is pruned.

    Attributes:
        method: `channels` removes whole channels (smaller, faster); `magnitude` sets the smallest weights to zero.
        amount: Share of the channels or of the weights, 0..1.
        finetune_epochs: Epochs of training afterwards.
        learning_rate: Peak learning rate of the fine-tune.
    """

    method: Literal["channels", "magnitude"]
    amount: float
    finetune_epochs: int = 8
    learning_rate: float = 2e-3


@dataclass(frozen=True)
class Variant:
    """A model beside the dense one.

    Attributes:
        name: Its name in the report.
        prune: How it differs from the dense model.
        targets: Its targets; empty means the recipe's.
    """

    name: str
    prune: Prune
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calibration:
    """How many training samples calibrate the static int8 targets."""

    samples: int = 200


@dataclass(frozen=True)
class Bench:
    """How latency is measured; see `core.job.LatencyPlan`.

    Attributes:
        threads: Thread counts.
        percentiles: Which percentiles are asked for; the number of samples follows from the largest.
        seconds: Least measured time an artifact and thread count.
    """

    threads: tuple[int, ...] = (1, 2)
    percentiles: tuple[float, ...] = (50.0, 90.0, 95.0)
    seconds: float = 0.5


@dataclass(frozen=True)
class Recipe:
    """A whole run.

    Attributes:
        name: Its name; the run's folder is called so.
        data: Where the samples come from.
        input: The input contract.
        train: How the float model is made.
        targets: What is made of the dense model.
        variants: Models beside it.
        calibration: Samples for static int8.
        bench: How latency is measured.
        io: `float` keeps float inputs and outputs on int8 targets; `integer` makes them integers.
        seed: Seed of everything random.
    """

    name: str
    data: DataSection
    input: InputContract
    train: TrainSection
    targets: tuple[str, ...]
    description: str = ""
    variants: tuple[Variant, ...] = ()
    calibration: Calibration = field(default_factory=Calibration)
    bench: Bench = field(default_factory=Bench)
    io: Literal["float", "integer"] = "float"
    seed: int = 0
