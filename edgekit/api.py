"""The Python API: one function a verb; each takes paths and plain values and returns frozen values from `edgekit.core`.

import edgekit

said = edgekit.Preprocessing(mean=(127.5,), std=(127.5,))
(artifact,) = edgekit.convert("model.keras", "tflite-int8", calib="photos/", preprocessing=said)
print(artifact.file, artifact.proof.agreement)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from edgekit import errors, registry, toolchain
from edgekit.core.contract import InputContract
from edgekit.core.device import DeviceProfile
from edgekit.core.finding import Finding
from edgekit.core.graph import GraphSummary
from edgekit.core.measurement import Classification, PairedTest
from edgekit.core.model import MANIFEST, Model
from edgekit.core.recipe import Bench, Prune, Recipe
from edgekit.core.report import Report, TrainingFacts
from edgekit.core.serde import from_json
from edgekit.core.target import ModelFormat, Precision, Target
from edgekit.core.tensor import Layout, TensorSpec
from edgekit.pipeline.diff import Comparison
from edgekit.pipeline.plan import Ready, Way
from edgekit.pipeline.progress import Progress
from edgekit.pipeline.tools import Tools, open_tools
from edgekit.toolchain import Installed

PathLike = str | Path


@dataclass(frozen=True)
class Inspection:
    """What `inspect` found: the model and its graph."""

    model: Model
    graph: GraphSummary


@dataclass(frozen=True)
class Validation:
    """What `validate` found of one model: its scores, and the paired test when there was a model to compare with."""

    name: str
    model: Model
    scores: Classification
    paired: PairedTest | None


@dataclass(frozen=True)
class Preprocessing:
    """What a user says of how images become the model's input; the rest is read from the model's input shape.

    Attributes:
        mean: Subtracted, in raw units (0..255 for images).
        std: Divided by, same units.
        resize: How an image gets the model's size.
        resize_to: Short side after a `short-side` resize, pixels.
        crop: Whether the middle is cut out.
        channels: Channel order; None reads gray or rgb from the input's shape.
        interpolation: Filter of the resize.
    """

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    resize: Literal["none", "stretch", "short-side"] = "stretch"
    resize_to: int | None = None
    crop: Literal["none", "center"] = "none"
    channels: Literal["rgb", "bgr", "gray"] | None = None
    interpolation: Literal["nearest", "bilinear", "bicubic"] = "bilinear"

    def contract(self, spec: TensorSpec) -> InputContract | None:
        """The contract for a model's input, or None when nothing was said of its values.

        Raises:
            UsageError: Only one of mean and std was given, or a std is 0.
        """
        if self.mean is None and self.std is None:
            return None
        mean, std = self.mean or (0.0,), self.std or (1.0,)
        if 0.0 in std:
            raise errors.UsageError(
                "--std holds a 0, and the samples are divided by it.", fix="Give --std 255 for 0..1 inputs."
            )
        shape = spec.shape
        if len(shape) != 4 or {shape[1], shape[3]}.isdisjoint({1, 3}):
            return InputContract(kind="tensor", mean=mean, std=std)
        layout = Layout.NHWC if shape[3] in (1, 3) else Layout.NCHW
        height, width, depth = (shape[1], shape[2], shape[3]) if layout is Layout.NHWC else (shape[2], shape[3], shape[1])
        return InputContract(
            kind="image",
            height=height,
            width=width,
            channels=self.channels or ("gray" if depth == 1 else "rgb"),
            layout=layout,
            resize=self.resize,
            resize_to=self.resize_to,
            crop=self.crop,
            interpolation=self.interpolation,
            mean=mean,
            std=std,
        )


def run(
    recipe: PathLike | Recipe, out: PathLike | None = None, *, fresh: bool = False, progress: Progress | None = None
) -> Report:
    """Runs a recipe: trains, prunes, converts, proves, measures and writes the reports.

    Args:
        recipe: A recipe's name, its YAML file, or a Recipe.
        out: Folder for artifacts and reports; `runs/<name>` when None.
        fresh: Make everything anew instead of taking unchanged steps from the store.
        progress: Where to show what happens; silent when None.

    Raises:
        RecipeError: The recipe does not fit its schema.
        EdgekitError: A step that everything depends on failed.
    """
    from edgekit.pipeline import run as pipeline
    from edgekit.pipeline.store import check_writable

    loaded = _recipe(recipe)
    folder = Path(out) if out else Path("runs") / loaded.name
    check_writable(folder)
    with open_tools(progress, fresh=fresh) as tools:
        return pipeline.run(loaded, folder, tools)


def train(
    recipe: PathLike | Recipe, out: PathLike | None = None, *, progress: Progress | None = None
) -> tuple[Model, TrainingFacts]:
    """Trains a recipe's float model and places it in `out` (`runs/<name>/artifacts/dense/float` when None)."""
    from edgekit.pipeline import training
    from edgekit.pipeline.data import divided
    from edgekit.pipeline.store import check_writable, place

    loaded = _recipe(recipe)
    folder = Path(out) if out else Path("runs") / loaded.name / "artifacts" / "dense" / "float"
    check_writable(folder)
    with open_tools(progress) as tools:
        division = divided(loaded, tools)
        model, facts = training.train(loaded, division, tools)
        place(model.path, folder, MANIFEST)
    return replace(model, path=folder), facts


def import_model(
    path: PathLike,
    out: PathLike | None = None,
    *,
    preprocessing: Preprocessing | None = None,
    labels: Sequence[str] = (),
    progress: Progress | None = None,
) -> Model:
    """Reads and checks a model file and places it with its `edgekit.json` in `out` (`<stem>-imported` when None)."""
    from edgekit.pipeline.store import check_writable, place

    file = Path(path)
    folder = Path(out) if out else _spot(file, None)("imported")
    check_writable(folder)
    with open_tools(progress) as tools:
        model = _load(file, tools, preprocessing, labels)
        place(model.path, folder, MANIFEST)
        placed = replace(model, path=folder)
        placed.write_manifest()
    return placed


def prune(
    model: PathLike,
    out: PathLike | None = None,
    *,
    method: Literal["channels", "magnitude"] = "channels",
    amount: float = 0.5,
    recipe: PathLike | Recipe | None = None,
    finetune_epochs: int = 8,
    progress: Progress | None = None,
) -> Model:
    """Prunes a Keras model; with a recipe, fine-tunes it on the recipe's data afterwards.

    Raises:
        UsageError: `amount` is outside 0..1.
        UnsupportedModelError: Nothing in the model can be pruned.
    """
    from edgekit.pipeline import training
    from edgekit.pipeline.data import divided
    from edgekit.pipeline.store import check_writable, place

    if not 0.0 < amount < 1.0:
        raise errors.UsageError(
            f"An amount of {amount:g} prunes nothing or everything.", fix="Give a share between 0 and 1."
        )
    folder = Path(out) if out else _spot(Path(model), None)(f"{method}-{amount:g}")
    how = Prune(method=method, amount=amount, finetune_epochs=finetune_epochs)
    check_writable(folder)
    with open_tools(progress) as tools:
        source = _keras_only(_load(Path(model), tools))
        pruned = training.prune(source, how, "keras", tools)
        if recipe is not None:
            loaded = _recipe(recipe)
            pruned, facts = training.finetune(Path(model).stem, pruned, how, loaded, divided(loaded, tools), tools)
            tools.progress.say(facts.verdict)
        place(pruned.path, folder, MANIFEST)
    return replace(pruned, path=folder)


def convert(
    model: PathLike,
    target: str | Sequence[str],
    *,
    calib: PathLike | None = None,
    out: PathLike | None = None,
    preprocessing: Preprocessing | None = None,
    io: Literal["float", "integer"] = "float",
    samples: int = 200,
    min_agreement: float | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    progress: Progress | None = None,
) -> list[Model]:
    """Converts a model to one or more targets; each artifact is proven against its source before it is placed.

    Args:
        model: A model file or an artifact folder.
        target: One target, such as `tflite-int8`, or several.
        calib: Training samples for static int8, and for the proof: a folder of images, an .npz or an .npy.
        out: Folder that gets one folder a target, `<out>/<target>`; `<stem>-<target>` beside the model when None.
        preprocessing: How raw samples become the input, when the model does not say.
        io: `integer` makes the inputs and outputs of int8 artifacts integers.
        samples: At most so many samples calibrate.
        min_agreement: Least share of same answers in the proof, instead of the precision's own.
        shapes: Input name to shape, for inputs whose shape the model leaves open.
        progress: Where to show what happens.

    Returns:
        One artifact a target, in their order.

    Raises:
        UnknownNameError: There is no such target.
        DataError: The calibration samples cannot be used, or a static target has none.
        ProofError: An artifact does not match its source; the other targets are made all the same.
    """
    from edgekit.pipeline.build import Basis, build
    from edgekit.pipeline.data import prepared, synthetic
    from edgekit.pipeline.plan import check_calibration, parse_target, routes
    from edgekit.pipeline.store import check_writable, place

    targets = [parse_target(text) for text in ([target] if isinstance(target, str) else target)]
    if min_agreement is not None and not 0.0 <= min_agreement <= 1.0:
        raise errors.UsageError(
            f"A share of {min_agreement:g} cannot be.", fix="Give --min-agreement a share between 0 and 1."
        )
    spot = _spot(Path(model), out)
    check_writable(spot(str(targets[0])))
    with open_tools(progress) as tools:
        source = _with_shapes(_load(Path(model), tools, preprocessing), shapes or {})
        for each in targets:
            check_calibration(routes(source, each)[0], present=calib is not None)
        if calib is not None:
            proof = prepared(Path(calib), source.inputs[0], source.contract, tools, limit=samples)
        else:
            proof = synthetic(source.inputs, tools)
        basis = Basis(
            proof=proof,
            rejects=spot,
            synthetic=calib is None,
            calibration=proof if calib is not None else None,
            options={"io": io, **({"shapes": {name: list(shape) for name, shape in shapes.items()}} if shapes else {})},
            min_agreement=min_agreement,
        )
        placed = []
        failures = []
        for each in targets:
            try:
                artifact = build(source, each, basis, tools)
                place(artifact.path, spot(str(each)), MANIFEST)
                placed.append(replace(artifact, path=spot(str(each))))
            except errors.EdgekitError as problem:
                failures.append(problem)
        for failure in failures[1:]:
            tools.progress.warn(f"{failure.message} {failure.fix}")
    if failures:
        raise failures[0]
    return placed


def diff(
    a: PathLike,
    b: PathLike,
    data: PathLike | None = None,
    *,
    threshold_db: float = 60.0,
    preprocessing: Preprocessing | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Whether two models give the same outputs, and where along the graph they part.

    Args:
        a: The model that is right; a file or an artifact folder.
        b: The model to compare with it, of any format.
        data: Samples: a folder of images, an .npz or an .npy; seeded random inputs when None.
        threshold_db: A tensor whose signal-to-noise ratio is below this has departed.
        preprocessing: How raw samples become the input, when the model does not say.
        progress: Where to show what happens.

    Raises:
        DataError: The samples do not fit the models.
        InferenceError: A runtime refuses a model.
    """
    from edgekit.pipeline.data import prepared, synthetic
    from edgekit.pipeline.diff import compare

    with open_tools(progress) as tools:
        first, second = (_load(Path(path), tools, preprocessing) for path in (a, b))
        if data is None:
            samples = synthetic(first.inputs, tools)
        else:
            contract = first.contract or second.contract
            samples = prepared(Path(data), first.inputs[0], contract, tools, limit=200)
        return compare(first, second, samples, tools, synthetic=data is None, threshold_db=threshold_db)


def explain(model: PathLike, target: str | Sequence[str], *, progress: Progress | None = None) -> list[Way]:
    """The ways `convert` would consider from a model to one or more targets, cheapest first; makes nothing.

    Raises:
        UnknownNameError: There is no such target.
        NoPathError: Nothing leads there; the message says why.
    """
    from edgekit.pipeline.plan import explain as ways
    from edgekit.pipeline.plan import parse_target

    targets = [parse_target(text) for text in ([target] if isinstance(target, str) else target)]
    with open_tools(progress) as tools:
        source = _load(Path(model), tools)
    return [way for each in targets for way in ways(source, each)]


def quantize(model: PathLike, precision: str, **options: Any) -> Model:
    """Makes a model of the same format at another precision; takes the options of `convert`.

    Raises:
        UnknownNameError: There is no such precision.
    """
    from edgekit.pipeline.intake import load_model

    if precision not in [p.value for p in Precision]:
        raise registry.unknown("precision", precision, [p.value for p in Precision])
    with open_tools() as tools:
        source = load_model(Path(model), tools)
    if source.format is ModelFormat.KERAS:
        raise errors.UsageError(
            "A Keras model is quantized on its way to another format.",
            fix=f"edgekit convert {model} --target tflite-{precision} --calib DATA",
        )
    return convert(model, str(Target(source.format, Precision(precision))), **options)[0]


def validate(
    models: PathLike | Sequence[PathLike],
    data: PathLike,
    *,
    against: PathLike | None = None,
    labels: PathLike | None = None,
    preprocessing: Preprocessing | None = None,
    samples: int | None = None,
    progress: Progress | None = None,
) -> list[Validation]:
    """Accuracy, precision, recall and F1 of classifiers on labelled data, and the paired test against `against`.

    Raises:
        DataError: No labels, or samples the model cannot take.
        LabelError: A label outside the model's classes.
    """
    from edgekit.pipeline.score import validate_models

    with open_tools(progress) as tools:
        named = _named([models] if isinstance(models, (str, Path)) else models, tools, preprocessing)
        reference = (Path(against).name, _load(Path(against), tools, preprocessing)) if against else None
        rows = validate_models(named, reference, Path(data), Path(labels) if labels else None, samples, tools)
    return [Validation(name, named[name], scores, paired) for name, scores, paired in rows]


def bench(
    models: PathLike | Sequence[PathLike],
    *,
    data: PathLike | None = None,
    labels: PathLike | None = None,
    threads: Sequence[int] = (1, 2),
    percentiles: Sequence[float] = (50.0, 90.0, 95.0),
    seconds: float = 0.5,
    preprocessing: Preprocessing | None = None,
    out: PathLike | None = None,
    progress: Progress | None = None,
) -> Report:
    """Measures latency, memory and size of artifacts in one interleaved job; accuracy too when `data` is labelled.

    The first model is also measured against itself: the noise floor. With `out`, the reports are written there.
    """
    from edgekit.pipeline.score import bench_models

    with open_tools(progress) as tools:
        named = _named([models] if isinstance(models, (str, Path)) else models, tools, preprocessing)
        asked = Bench(threads=tuple(threads), percentiles=tuple(percentiles), seconds=seconds)
        report = bench_models(named, Path(data) if data else None, Path(labels) if labels else None, asked, tools)
        if out is not None:
            from edgekit.pipeline.assemble import render

            render(report, Path(out), tools)
    return report


def inspect(model: PathLike, *, progress: Progress | None = None) -> Inspection:
    """Operators, parameters, MACs, inputs and outputs of a model, and how much of it really runs in integers."""
    with open_tools(progress) as tools:
        loaded = _load(Path(model), tools)
        plugin = next(p for p in registry.every("inspectors") if p.format is loaded.format)
        engine = "tensorflow" if loaded.format is ModelFormat.KERAS else f"inspect-{plugin.name}"
        answer = tools.workshop.call(engine, "inspect", {"plugin": plugin.name, "file": str(loaded.file)})
    return Inspection(loaded, from_json(GraphSummary, answer))


def render(report: PathLike, out: PathLike | None = None, forms: Sequence[str] = ("text", "markdown", "html")) -> list[Path]:
    """Draws a `report.json` again, in any of the forms text, json, markdown, html."""
    from edgekit.pipeline.assemble import render as draw

    file = Path(report) / "report.json" if Path(report).is_dir() else Path(report)
    with open_tools() as tools:
        return draw(load_report(file), Path(out) if out else file.parent, tools, forms)


def load_report(path: PathLike) -> Report:
    """The Report in a `report.json`.

    Raises:
        MissingFileError: It is not there.
        WrongFormatError: It is not a report of a schema that this edgekit reads.
    """
    loaded: Report = registry.load("edgekit.renderers.json:read_report")(Path(path))
    return loaded


def targets() -> list[Ready]:
    """For each target: whether it can be made here, by what, and what installs the rest."""
    from edgekit.pipeline.plan import readiness

    return readiness()


def recipes() -> dict[str, Recipe]:
    """The recipes that come with edgekit, by name."""
    from edgekit.config.load import find_recipes, load_recipe

    return {name: load_recipe(path) for name, path in find_recipes().items()}


def devices() -> dict[str, DeviceProfile]:
    """The device profiles that come with edgekit, by name."""
    from edgekit.config.load import find_devices, load_device

    return {name: load_device(path) for name, path in find_devices().items()}


def toolchains() -> list[Installed]:
    """The tools that need an environment of their own, and what of them is installed."""
    return toolchain.listing(_toolchains())


def install_toolchain(name: str, *, progress: Progress | None = None) -> Installed:
    """Installs a toolchain ahead of its first use; afterwards it needs no network.

    Raises:
        UnknownNameError: There is no such toolchain.
        MissingPackageError: There is no fitting Python or no uv, or a package cannot be had.
    """
    wanted = toolchain.named(name)
    with (progress or Progress()).step("convert", f"install {name}") as step:
        toolchain.ensure(wanted, _toolchains(), step.event)
    return next(row for row in toolchains() if row.name == name)


def remove_toolchain(name: str) -> int:
    """Removes a toolchain's environments and returns the bytes that were freed.

    Raises:
        UnknownNameError: There is no such toolchain.
    """
    return toolchain.remove(toolchain.named(name), _toolchains())


def doctor() -> list[Finding]:
    """What could go wrong on this machine, each with its fix."""
    from edgekit.pipeline.doctor import diagnose
    from edgekit.pipeline.store import home

    return diagnose(home())


def _toolchains() -> Path:
    from edgekit.pipeline.store import TOOLCHAINS, home

    return home() / TOOLCHAINS


def _spot(model: Path, out: PathLike | None) -> Callable[[str], Path]:
    """Where what is made of `model` goes: `<out>/<what>`, or `<stem>-<what>` beside the model."""
    return lambda what: Path(out) / what if out else model.with_name(f"{model.stem}-{what}")


def _recipe(recipe: PathLike | Recipe) -> Recipe:
    if isinstance(recipe, Recipe):
        return recipe
    from edgekit.config.load import load_recipe, recipe_path

    return load_recipe(recipe_path(recipe))


def _load(path: Path, tools: Tools, preprocessing: Preprocessing | None = None, labels: Sequence[str] = ()) -> Model:
    from edgekit.pipeline.intake import load_model

    model = load_model(path, tools, labels=labels)
    contract = preprocessing.contract(model.inputs[0]) if preprocessing else None
    return replace(model, contract=contract or model.contract)


def _with_shapes(model: Model, shapes: Mapping[str, Sequence[int]]) -> Model:
    """The model with the open dimensions of its inputs fixed."""
    from edgekit.pipeline.reading import fits

    for name, shape in shapes.items():
        spec = next((spec for spec in model.inputs if spec.name == name), None)
        if spec is None:
            raise registry.unknown("input", name, [spec.name for spec in model.inputs])
        if not fits(tuple(shape), spec.shape):
            raise errors.UsageError(
                f"{list(shape)} does not fit the input {spec}.",
                fix="Give every dimension; those the model fixes stay as they are.",
            )
    return replace(
        model, inputs=tuple(replace(spec, shape=tuple(shapes.get(spec.name, spec.shape))) for spec in model.inputs)
    )


def _named(paths: Sequence[PathLike], tools: Tools, preprocessing: Preprocessing | None) -> Mapping[str, Model]:
    """Models by short names: the last part of each path that tells them apart."""
    parts = [Path(path).resolve().parts for path in paths]
    depth = 1
    while len({p[-depth:] for p in parts}) < len(parts):
        depth += 1
        if depth > max(len(p) for p in parts):
            raise errors.UsageError("A model is named twice.", fix="Name each model once.")
    return {"/".join(p[-depth:]): _load(Path(path), tools, preprocessing) for p, path in zip(parts, paths, strict=True)}


def _keras_only(model: Model) -> Model:
    if model.format is not ModelFormat.KERAS:
        raise errors.UnsupportedModelError(
            f"{model.files[0]} is {model.format.value}; pruning needs a Keras model.",
            fix="Prune the .keras model, then convert it.",
        )
    return model
