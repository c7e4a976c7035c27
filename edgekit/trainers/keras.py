"""Training, fine-tuning and pruning in Keras on TensorFlow, on the CPU; the same seed gives the same weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from edgekit.core.protocols import Emit, Made, Trained, TrainWork, Work
from edgekit.core.serde import dumps
from edgekit.errors import RecipeError, UnsupportedModelError
from edgekit.trainers import keras_architectures, keras_files, keras_fit, keras_inputs, keras_prune


class KerasTrainer:
    """Architectures: depthwise_cnn, cnn, mlp."""

    name: ClassVar[str] = "keras"
    engine: ClassVar[str] = "tensorflow"
    packages: ClassVar[tuple[str, ...]] = ("keras", "tensorflow")
    extra: ClassVar[str] = "keras"

    def train(self, work: TrainWork, emit: Emit) -> Trained:
        """Trains from scratch, or from `work.start`; resumes from `work.checkpoint`.

        Raises:
            MissingPackageError: Keras or TensorFlow is not installed.
            RecipeError: An option does not fit, or training diverged.
            UnknownNameError: No such architecture.
            DataError: The samples cannot be used (LabelError, NonFiniteDataError among them).
            UnsupportedModelError: The start model does not take the samples, or has other classes.
        """
        tensorflow, keras = keras_files.engine()
        keras.utils.set_random_seed(work.seed % 2**32)
        # Costs no measurable time on a CPU (docs/explanation/training.md) and makes parallel sums add in one order.
        tensorflow.config.experimental.enable_op_determinism()
        work.checkpoint.mkdir(parents=True, exist_ok=True)
        emit({"step": 0, "steps": int(work.options.get("epochs", 1)), "text": "reading samples"})
        train, validation = keras_inputs.read(work, "train"), keras_inputs.read(work, "validation")
        model = self._model(work, train.x.shape[1:])
        plan = _plan(work, train.x.shape[1:])
        state = keras_fit.fit(model, train, validation, plan, work.checkpoint, emit)
        score = keras_fit.scorer(model, plan)
        return Trained(
            file=keras_files.save(model, work.out),
            epochs=tuple(state.history),
            best_epoch=state.best_epoch,
            stopped_early=keras_fit.stopped_early(state, plan) and len(state.history) < plan.epochs,
            train_accuracy=keras_fit.evaluate(score, train)[1],
            validation_accuracy=keras_fit.evaluate(score, validation)[1],
        )

    def prune(self, work: Work, method: str, amount: float, emit: Emit) -> Made:
        """Prunes `work.file` without training; see `keras_prune`.

        Raises:
            RecipeError: No such method, or an amount outside 0..1.
            UnsupportedModelError: Nothing in the model can be pruned.
        """
        return keras_prune.prune(work, method, amount, emit)

    def _model(self, work: TrainWork, shape: tuple[int, ...]) -> Any:
        if work.start is None:
            return keras_architectures.build(
                str(work.options["architecture"]), shape, work.classes, work.options.get("options") or {}
            )
        model = keras_files.load(work.start)
        takes, gives = tuple(model.input_shape[1:]), tuple(model.output_shape[1:])
        if takes != shape or gives != (work.classes,):
            raise UnsupportedModelError(
                f"{work.start} maps {list(takes)} to {list(gives)}; the samples are {list(shape)}, {work.classes} classes.",
                fix="Train it on the data it was made for, or correct the recipe's section `input`.",
            )
        return model


def _plan(work: TrainWork, shape: tuple[int, ...]) -> keras_fit.Plan:
    options = work.options
    plan = keras_fit.Plan(
        epochs=int(options["epochs"]),
        batch_size=int(options.get("batch_size", 64)),
        learning_rate=float(options.get("learning_rate", 2e-3)),
        early_stopping=int(options.get("early_stopping", 6)),
        label_smoothing=float(options.get("label_smoothing", 0.0)),
        augment=keras_inputs.augmentation(options.get("augment") or {}, shape),
        seed=work.seed,
        keep_zeros=work.keep_zeros,
        key=_key(work, options),
    )
    # A start model may go without training (a variant with `finetune_epochs: 0`), a new one may not.
    least = 0 if work.start else 1
    if plan.epochs < least or plan.batch_size < 1 or plan.early_stopping < least or plan.learning_rate <= 0:
        raise RecipeError(
            f"epochs {plan.epochs}, batch_size {plan.batch_size}, early_stopping {plan.early_stopping} and learning_rate "
            f"{plan.learning_rate:g} must all be above 0.",
            fix="Correct the recipe's section `train`.",
        )
    return plan


def _key(work: TrainWork, options: Mapping[str, Any]) -> str:
    """Changes with whatever changes the result, so that a checkpoint of another run is never taken up."""
    parts = [options, work.contract, work.seed, work.classes, work.keep_zeros]
    digest = hashlib.sha256(dumps(parts).encode())
    files = [work.data / f"{split}_{what}.npy" for split in ("train", "validation") for what in "xy"]
    for file in [*files, *([work.start] if work.start else [])]:
        digest.update(file.read_bytes())
    return digest.hexdigest()
