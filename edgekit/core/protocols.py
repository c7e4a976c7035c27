"""What each kind of plugin must offer; the pipeline knows plugins by these types only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from edgekit.core.contract import InputContract
from edgekit.core.graph import GraphSummary
from edgekit.core.report import Report
from edgekit.core.target import ModelFormat, Precision
from edgekit.core.tensor import TensorSpec

Emit = Callable[[Mapping[str, Any]], None]
"""Sends one progress message, such as {"step": 3, "steps": 30, "text": "loss 0.21"}, to whoever shows it."""


@dataclass(frozen=True)
class ModelFacts:
    """What a source reads from a model file."""

    format: ModelFormat
    files: tuple[str, ...]
    """Names of the files the model consists of, the one to open first, all in one folder."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    precision: Precision


class Source(Protocol):
    """Reads one file format. `sniff` must be cheap and import nothing heavy; `read` runs in a child process."""

    name: ClassVar[str]
    format: ClassVar[ModelFormat]
    suffixes: ClassVar[tuple[str, ...]]
    packages: ClassVar[tuple[str, ...]]
    extra: ClassVar[str]

    def sniff(self, file: Path) -> bool:
        """Whether the file's first bytes are this format's."""

    def read(self, file: Path) -> ModelFacts:
        """Reads the model's interface.

        Raises:
            CorruptModelError: The file is damaged.
            MissingPackageError: The package that reads it is not installed.
        """


@dataclass(frozen=True)
class Work:
    """What a converter or a pass gets: a model file, what is known of it, and a folder to write into.

    Attributes:
        file: The model file to start from; it must not be changed.
        out: An empty folder; the result goes here and nowhere else.
        inputs: The inputs of `file`.
        outputs: The outputs of `file`.
        calibration: A `.npy` file with float32 `[n, ...]` samples of the first input, already through the contract
            and without its batch axis; open it with `mmap_mode="r"` and stream. None when the step needs none.
        options: What the user asked for beyond the target, such as {"io": "int8"}.
    """

    file: Path
    out: Path
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    calibration: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """What a converter or a pass made.

    Attributes:
        file: Name of the main file in `Work.out`.
        notes: What its user should know, in plain sentences.
        inputs: Set only where the file itself cannot say it (the scale of an integer input of an ONNX model).
        outputs: The same for the outputs.
    """

    file: str
    notes: tuple[str, ...] = ()
    inputs: tuple[TensorSpec, ...] | None = None
    outputs: tuple[TensorSpec, ...] | None = None


class Converter(Protocol):
    """Model in one format -> the same function in another, at fp32. Runs in a child process."""

    name: ClassVar[str]
    source: ClassVar[ModelFormat]
    target: ClassVar[ModelFormat]
    cost: ClassVar[float]
    """Relative effort and risk of this edge; the planner takes the path with the least sum."""
    engine: ClassVar[str]
    """Plugins with the same engine share one warm child process."""
    packages: ClassVar[tuple[str, ...]]
    extra: ClassVar[str]
    gaps: ClassVar[dict[str, str]]

    def convert(self, work: Work, emit: Emit) -> Made:
        """Writes the converted model into `work.out`."""


class Pass(Protocol):
    """Model -> Model in the same format, at another precision. Runs in a child process."""

    name: ClassVar[str]
    format: ClassVar[ModelFormat]
    precisions: ClassVar[tuple[Precision, ...]]
    """The precisions it can make, from fp32."""
    needs_calibration: ClassVar[tuple[Precision, ...]]
    engine: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    extra: ClassVar[str]
    gaps: ClassVar[dict[str, str]]

    def apply(self, work: Work, precision: Precision, emit: Emit) -> Made:
        """Writes the model at `precision` into `work.out`."""


class Dataset(Protocol):
    """Labelled raw samples of one task, in memory or read one by one."""

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    extra: ClassVar[str]

    def open(self, options: Mapping[str, Any]) -> Samples:
        """Opens the data.

        Raises:
            MissingFileError: The folder or file is not there.
            DataError: There are no samples, or they cannot be read.
        """


class Samples(Protocol):
    """An opened dataset."""

    labels: tuple[str, ...]
    """Class names; the label of a sample is an index into them."""
    targets: tuple[int, ...] | None
    """The label of each sample, or None when the data has none (calibration folders)."""

    def __len__(self) -> int: ...

    def raw(self, index: int) -> Any:
        """The raw sample `index`, as `InputContract.apply` takes it."""

    def identify(self, index: int) -> str:
        """A name for sample `index` that a user can find again: a file name, or its row."""

    def __iter__(self) -> Iterator[Any]: ...


class Inspector(Protocol):
    """Reads a model's graph: operators, parameters, MACs and what really runs in integers. Runs in a child process."""

    name: ClassVar[str]
    format: ClassVar[ModelFormat]
    extra: ClassVar[str]

    def inspect(self, file: Path) -> GraphSummary:
        """The summary of a model file."""


@dataclass(frozen=True)
class TracedTensor:
    """One tensor of one run: its name in the file, the type of the operator that wrote it, and its real values."""

    name: str
    kind: str
    values: Any


class Tracer(Protocol):
    """Runs a model and hands out every tensor on the way. Runs in a child process."""

    name: ClassVar[str]
    format: ClassVar[ModelFormat]
    packages: ClassVar[tuple[str, ...]]
    extra: ClassVar[str]

    def trace(self, file: Path, samples: Iterable[Mapping[str, Any]]) -> Iterator[list[TracedTensor]]:
        """The tensors of each sample, in execution order.

        A sample is input name to `[1, ...]` in the input's own type, in the order of the model's inputs.

        The values may be the engine's own buffers: copy them to keep them past the next sample.
        """


class Renderer(Protocol):
    """Writes a report in one form."""

    name: ClassVar[str]
    filename: ClassVar[str]
    extra: ClassVar[str]

    def render(self, report: Report, folder: Path) -> Path:
        """Writes the report into `folder` and returns the main file."""


class Trainer(Protocol):
    """Trains, fine-tunes or prunes in one framework. Runs in a child process."""

    name: ClassVar[str]
    engine: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    extra: ClassVar[str]

    def train(self, work: TrainWork, emit: Emit) -> Trained:
        """Trains from scratch, or from `work.start` when it is given; resumes from `work.checkpoint`."""

    def prune(self, work: Work, method: str, amount: float, emit: Emit) -> Made:
        """Prunes without training; the fine-tune is a `train` that starts from the result."""


@dataclass(frozen=True)
class TrainWork:
    """What a trainer gets.

    Attributes:
        out: An empty folder for the model file.
        checkpoint: A folder that outlives a kill; the trainer keeps what it needs to resume in it.
        data: A folder with train_x.npy `uint8 or float32 [n, ...]`, samples of one size in raw values, train_y.npy
            `int64[n]`, and validation_x.npy, validation_y.npy.
        contract: From these samples to the model's input.
        classes: Number of classes.
        seed: Seed of everything random.
        options: The recipe's `train` section: architecture and its options, epochs, batch_size, learning_rate,
            early_stopping, augment, label_smoothing, ...
        start: A model file to start from (fine-tuning), or None.
        keep_zeros: Weights that are zero in `start` stay zero (fine-tuning after magnitude pruning).
    """

    out: Path
    checkpoint: Path
    data: Path
    contract: InputContract
    classes: int
    seed: int
    options: Mapping[str, Any]
    start: Path | None = None
    keep_zeros: bool = False


@dataclass(frozen=True)
class Epoch:
    """One epoch of training: losses are means over samples, accuracies are shares (0..1)."""

    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Trained:
    """What a training run made.

    Attributes:
        file: Name of the model file in `TrainWork.out`; the weights of `best_epoch`.
        epochs: One entry an epoch, in order.
        best_epoch: Index of the epoch with the least validation loss.
        stopped_early: Whether the validation loss had stopped falling.
        train_accuracy: Accuracy of the final weights on the training samples without augmentation, a share.
        validation_accuracy: The same on the validation samples; the gap between the two is the overfitting.
    """

    file: str
    epochs: tuple[Epoch, ...]
    best_epoch: int
    stopped_early: bool
    train_accuracy: float
    validation_accuracy: float
