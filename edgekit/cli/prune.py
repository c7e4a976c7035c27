"""`edgekit prune`: a smaller or sparser Keras model."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from edgekit.cli import options

NEEDS_ARGUMENTS = True
DETAILS = (
    "`channels` removes whole channels: smaller and faster, and to be fine-tuned. `magnitude` sets the smallest weights to "
    "zero: smaller only when compressed, and no faster on a CPU. With --recipe it is fine-tuned on that recipe's data."
)


def command(
    model: options.ModelPath,
    method: Annotated[Literal["channels", "magnitude"], typer.Option(help="What is removed.")] = "channels",
    amount: Annotated[float, typer.Option(help="Share of the channels or weights, 0..1.")] = 0.5,
    recipe: Annotated[str | None, typer.Option(help="Fine-tune on the data of this recipe.")] = None,
    finetune_epochs: Annotated[int, typer.Option(help="Epochs of the fine-tune.")] = 8,
    out: options.Out = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    from edgekit import api
    from edgekit.cli.output import progress_for
    from edgekit.cli.present import show_models

    pruned = api.prune(
        model,
        out,
        method=method,
        amount=amount,
        recipe=recipe,
        finetune_epochs=finetune_epochs,
        progress=progress_for(quiet=quiet, verbose=verbose, as_json=json),
    )
    show_models([pruned], as_json=json)
