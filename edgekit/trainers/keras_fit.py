"""The training loop: every random choice follows from seed and epoch, so that a resumed run equals an unbroken one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.core.protocols import Emit, Epoch
from edgekit.core.recipe import Augment
from edgekit.errors import RecipeError
from edgekit.trainers import keras_files, keras_inputs
from edgekit.trainers.keras_inputs import Part
from edgekit.trainers.keras_state import State

_EVALUATION_BATCH = 256
_PROGRESS_S = 0.5
"""Least time between two progress messages, in seconds."""


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        epochs, batch_size, learning_rate, early_stopping, label_smoothing: As in `core.recipe.TrainSection`.
        augment: Random changes of the images, or None.
        seed: Of everything random.
        keep_zeros: Kernel weights that are zero now stay zero.
        key: Says what is being trained, for the checkpoint.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    early_stopping: int
    label_smoothing: float
    augment: Augment | None
    seed: int
    keep_zeros: bool
    key: str


def fit(model: Any, train: Part, validation: Part, plan: Plan, checkpoint: Path, emit: Emit) -> State:
    """Trains `model` in place; afterwards it has the weights of the best epoch, or its old ones after 0 epochs.

    Raises:
        RecipeError: The loss became NaN or infinite.
    """
    if plan.epochs == 0:
        return State(checkpoint, plan.key, (), ())
    _, keras = keras_files.engine()
    steps = math.ceil(len(train) / plan.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(plan.learning_rate, plan.epochs * steps)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(model.trainable_variables)
    state = State(checkpoint, plan.key, model.weights, optimizer.variables)
    step, score = _compiled_step(model, optimizer, plan), scorer(model, plan)
    if state.restore():
        emit({"step": len(state.history), "steps": plan.epochs, "text": f"resumed after epoch {len(state.history)}"})
    while len(state.history) < plan.epochs and not stopped_early(state, plan):
        started, number = time.perf_counter(), len(state.history)
        loss, accuracy = _one_epoch(step, model, train, plan, number, emit)
        validation_loss, validation_accuracy = evaluate(score, validation)
        if not math.isfinite(loss + validation_loss):
            raise RecipeError(
                f"Training diverged: the loss is not a number in epoch {number + 1}.",
                fix=f"Lower learning_rate (it is {plan.learning_rate:g}) or check the range of the data in `input`.",
            )
        state.add(Epoch(loss, accuracy, validation_loss, validation_accuracy, time.perf_counter() - started))
        emit({"step": number + 1, "steps": plan.epochs, "text": _words(loss, validation_accuracy)})
    state.use_best()
    return state


def stopped_early(state: State, plan: Plan) -> bool:
    """Whether the validation loss has not fallen for `early_stopping` epochs."""
    return bool(state.history) and len(state.history) - 1 - state.best_epoch >= plan.early_stopping


def evaluate(score: Callable[..., Any], part: Part) -> tuple[float, float]:
    """Mean loss and accuracy (a share) over the samples, without random changes."""
    sums = [0.0, 0.0]
    for start in range(0, len(part), _EVALUATION_BATCH):
        rows = slice(start, start + _EVALUATION_BATCH)
        sums = [total + float(value) for total, value in zip(sums, score(part.x[rows], part.y[rows]), strict=True)]
    return sums[0] / len(part), sums[1] / len(part)


def scorer(model: Any, plan: Plan) -> Callable[..., Any]:
    """A compiled function from samples and classes to the sums that `evaluate` adds up.

    Its loss is the one that training lowers, label smoothing included: without it, validation loss would rise while a
    smoothed model only becomes less sure of itself, and the wrong epoch would be called the best.
    """
    tensorflow, keras = keras_files.engine()
    logits, classes = not ends_in_softmax(model), int(model.output_shape[-1])

    def score(x: Any, y: Any) -> Any:
        answer = model(x, training=False)
        wanted = tensorflow.one_hot(y, classes)
        loss = keras.losses.categorical_crossentropy(wanted, answer, logits, plan.label_smoothing)
        return tensorflow.reduce_sum(loss), _right(tensorflow, answer, y)

    return _compiled(tensorflow, score, model)


def _one_epoch(
    step: Callable[..., Any], model: Any, train: Part, plan: Plan, number: int, emit: Emit
) -> tuple[float, float]:
    _reseed(model, plan.seed, number)
    order, transforms = keras_inputs.plan_epoch(len(train), plan.seed, number, plan.augment, train.x.shape[1:])
    loss = right = 0.0
    told = time.perf_counter()
    for start in range(0, len(train), plan.batch_size):
        rows = order[start : start + plan.batch_size]
        sums = step(train.x[rows], train.y[rows], transforms[start : start + plan.batch_size])
        loss, right = loss + float(sums[0]), right + float(sums[1])
        if time.perf_counter() - told > _PROGRESS_S:
            told, done = time.perf_counter(), start + len(rows)
            share = round(number + done / len(train), 2)
            emit({"step": share, "steps": plan.epochs, "text": f"epoch {number + 1}, loss {loss / done:.3f}"})
    return loss / len(train), right / len(train)


def _compiled_step(model: Any, optimizer: Any, plan: Plan) -> Callable[..., Any]:
    tensorflow, keras = keras_files.engine()
    logits = not ends_in_softmax(model)
    classes = int(model.output_shape[-1])
    masks = (
        [(kernel, tensorflow.cast(kernel != 0, kernel.dtype)) for kernel in keras_files.kernels(model)]
        if plan.keep_zeros
        else []
    )

    def step(x: Any, y: Any, transforms: Any) -> Any:
        if plan.augment is not None:
            x = keras_inputs.moved(tensorflow, x, transforms)
        wanted = tensorflow.one_hot(y, classes)
        with tensorflow.GradientTape() as tape:
            answer = model(x, training=True)
            loss = keras.losses.categorical_crossentropy(wanted, answer, logits, plan.label_smoothing)
            total = tensorflow.add_n([tensorflow.reduce_mean(loss), *model.losses])
        optimizer.apply(tape.gradient(total, model.trainable_variables), model.trainable_variables)
        for kernel, mask in masks:
            kernel.assign(kernel * mask)
        return tensorflow.reduce_sum(loss), _right(tensorflow, answer, y)

    return _compiled(tensorflow, step, model, tensorflow.TensorSpec((None, 8), "float32"))


def _compiled(tensorflow: Any, function: Callable[..., Any], model: Any, *more: Any) -> Callable[..., Any]:
    # An open batch axis: the last batch of an epoch is smaller and must not be compiled anew.
    samples = tensorflow.TensorSpec((None, *model.input_shape[1:]), "float32")
    # No branches or loops on tensors inside: autograph would only rewrite the source.
    compiled: Callable[..., Any] = tensorflow.function(
        function, input_signature=[samples, tensorflow.TensorSpec((None,), "int64"), *more], autograph=False
    )
    return compiled


def _right(tensorflow: Any, answer: Any, y: Any) -> Any:
    """How many answers are right."""
    return tensorflow.reduce_sum(tensorflow.cast(tensorflow.argmax(answer, axis=-1) == y, "float32"))


def ends_in_softmax(model: Any) -> bool:
    """Whether the model gives probabilities rather than logits."""
    last = model.layers[-1]
    return type(last).__name__ == "Softmax" or getattr(getattr(last, "activation", None), "__name__", "") == "softmax"


def _reseed(model: Any, seed: int, epoch: int) -> None:
    """Sets the state of every random layer (dropout) to what seed and epoch say."""
    import numpy as np

    states = [variable for variable in model.variables if variable.name == "seed_generator_state"]
    for index, state in enumerate(states):
        state.assign((np.random.SeedSequence([seed, epoch, index]).generate_state(2) >> 1).astype(state.dtype))


def _words(loss: float, validation_accuracy: float) -> str:
    return f"loss {loss:.3f}, validation accuracy {100 * validation_accuracy:.1f} %"
