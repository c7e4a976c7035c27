"""Pruning of Keras models without training: whole channels away (smaller, faster), or the smallest weights to zero."""

from __future__ import annotations

from typing import Any

from edgekit.core.protocols import Emit, Made, Work
from edgekit.errors import RecipeError, UnsupportedModelError
from edgekit.registry import nearest
from edgekit.trainers import keras_channels, keras_files, keras_slim

METHODS = ("channels", "magnitude")


def prune(work: Work, method: str, amount: float, emit: Emit) -> Made:
    """Prunes `work.file` and writes the result into `work.out`; a fine-tune should follow.

    Args:
        work: The model and where the result goes.
        method: `channels` or `magnitude`.
        amount: Share of the channels, or of the kernel weights, 0..1 without the ends.
        emit: Progress.

    Raises:
        RecipeError: No such method, or an amount outside 0..1.
        UnsupportedModelError: Nothing in the model can be pruned.
    """
    if method not in METHODS:
        near = nearest(method, METHODS)
        hint = f"Did you mean {near}? " if near else ""
        raise RecipeError(f"There is no pruning method {method!r}.", fix=f"{hint}There is: {', '.join(METHODS)}.")
    if not 0 < amount < 1:
        raise RecipeError(f"Cannot prune a share of {amount:g}.", fix="Give an amount between 0 and 1, such as 0.5.")
    emit({"step": 0, "steps": 2, "text": "reading the model"})
    model = keras_files.load(work.file)
    emit({"step": 1, "steps": 2, "text": f"pruning {method}"})
    pruned, notes = _channels(model, amount) if method == "channels" else _magnitude(model, amount)
    file = keras_files.save(pruned, work.out)
    emit({"step": 2, "steps": 2, "text": notes[0]})
    return Made(file, notes)


def _channels(model: Any, amount: float) -> tuple[Any, tuple[str, ...]]:
    graph = keras_channels.read(model)
    removed = keras_slim.choose(graph, model, amount)
    if not removed:
        raise UnsupportedModelError(
            "No channels of this model can be removed." + "".join(f" {note}" for note in graph.notes()),
            fix="Use method magnitude, a larger amount, or a model whose convolutions have more channels.",
            cause="Every channel reaches an output or a layer that this method does not know, or the groups are too small.",
        )
    slim = keras_slim.rebuild(graph, model, removed)
    before, after = keras_slim.count(graph, removed)
    return slim, (
        f"Removed {before - after} of {before} channels ({100 * (before - after) / before:.0f} %): "
        f"{model.count_params():,} parameters became {slim.count_params():,}.",
        *graph.notes(),
    )


def _magnitude(model: Any, amount: float) -> tuple[Any, tuple[str, ...]]:
    """Sets the weights with the lowest scores of all kernels together to zero."""
    import numpy as np

    kernels = keras_files.kernels(model)
    if not kernels:
        raise UnsupportedModelError(
            "This model has no convolution or dense kernels to prune.", fix="Prune a model with such layers."
        )
    values = [kernel.numpy() for kernel in kernels]
    scores = np.concatenate([_lamp(value.ravel()) for value in values])
    count = int(amount * scores.size + 0.5)
    keep = np.ones(scores.size, bool)
    # Stable, so that equal scores fall in the same order on every machine.
    keep[np.argsort(scores, kind="stable")[:count]] = False
    start = 0
    for kernel, value in zip(kernels, values, strict=True):
        kernel.assign(value * keep[start : start + value.size].reshape(value.shape))
        start += value.size
    return model, (
        f"{count:,} of {scores.size:,} kernel weights ({100 * count / scores.size:.0f} %) are zero; the model keeps its "
        f"{model.count_params():,} parameters, so it shrinks only where files are compressed.",
    )


def _lamp(weights: Any) -> Any:
    """The squared magnitude of each weight over the sum of all at least as large in its layer.

    The LAMP score of Lee et al. 2021, arXiv:2010.07611. A plain global threshold empties small layers, 94 to 98 % of the
    depthwise kernels in the digits model: after the same fine-tune it reaches 43 % with it and 97 % with this score
    (docs/explanation/training.md).
    """
    import numpy as np

    squares = weights.astype(np.float64) ** 2
    order = np.argsort(squares, kind="stable")
    rest = np.cumsum(squares[order][::-1])[::-1]
    scores = np.zeros_like(squares)
    scores[order] = np.divide(squares[order], rest, out=np.zeros_like(rest), where=rest > 0)
    return scores
