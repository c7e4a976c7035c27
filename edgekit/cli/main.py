"""The `edgekit` command: a table of verbs, whose modules are imported only when they run, and the one exit for errors."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence

import typer

from edgekit import __version__
from edgekit.errors import EdgekitError, from_os_error

VERBS = {
    "run": "Run a recipe: train, prune, convert, prove, measure, report.",
    "train": "Train a recipe's float model.",
    "import": "Read and check a model file and make an artifact of it.",
    "prune": "Remove channels or weights of a Keras model.",
    "quantize": "Make a model of the same format at another precision.",
    "convert": "Convert a model to one or more targets, each proven.",
    "validate": "Accuracy of models on labelled data, with its interval.",
    "bench": "Latency, memory and size of models, with their noise.",
    "report": "Draw a report.json again, as text, Markdown or HTML.",
    "diff": "Compare two models tensor by tensor: where do they part?",
    "inspect": "Show a model's graph: operators, MACs, is it really int8?",
    "targets": "List what can be made here, and what installs the rest.",
    "recipes": "List or show the recipes that come with edgekit.",
    "devices": "List or show the device profiles.",
    "toolchains": "List, install or remove the tools that need an environment of their own.",
    "doctor": "Check this machine, with the fix for each finding.",
}
"""Verb to its help line: the root help prints this table without importing any verb."""

_GROUPS = ("recipes", "devices", "toolchains")

INTERRUPTED = 130
"""What Typer exits with after Ctrl-C: 128 and the number of SIGINT."""


def main() -> None:
    """Runs the command line and exits; known errors print what to do and no traceback."""
    arguments = sys.argv[1:]
    try:
        build(arguments)(args=arguments, prog_name="edgekit")
    except EdgekitError as error:
        sys.exit(_fail(error, as_json="--json" in arguments))
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(141)
        sys.exit(_fail(from_os_error(error, error.filename or "a file"), as_json="--json" in arguments))
    except SystemExit as done:
        if done.code == INTERRUPTED:
            print("\nStopped. Finished steps are kept: the same command goes on from there.", file=sys.stderr)
        raise


def build(arguments: Sequence[str]) -> typer.Typer:
    """The command tree for these arguments: the verb that is meant in full, the others as their help lines."""
    app = typer.Typer(
        name="edgekit",
        help="Take a trained model to an edge board and prove that it works there.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    everything = any(name.startswith("_EDGEKIT_COMPLETE") or name == "_TYPER_COMPLETE_ARGS" for name in os.environ)
    for verb, line in VERBS.items():
        if verb != wanted and not everything:
            app.command(verb, help=line)(_placeholder)
            continue
        module = importlib.import_module(f"edgekit.cli.{verb}_verb" if verb == "import" else f"edgekit.cli.{verb}")
        if verb in _GROUPS:
            app.add_typer(module.app, name=verb, help=line)
        else:
            app.command(verb, help=f"{line}\n\n{module.DETAILS}", no_args_is_help=module.NEEDS_ARGUMENTS)(module.command)
    return app


def _placeholder() -> None:
    """Stands for a verb that is not the one being run."""


def _show_version(asked: bool) -> None:
    if asked:
        print(f"edgekit {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
    ),
) -> None:
    """Only a callback of the option itself runs when no verb is named."""


def _fail(error: EdgekitError, *, as_json: bool) -> int:
    if as_json:
        body = {"type": type(error).__name__, "message": error.message, "cause": error.cause, "fix": error.fix}
        print(json.dumps({"error": body, "exit_code": error.exit_code}))
        return error.exit_code
    print(f"edgekit: {error.message}", file=sys.stderr)
    if error.cause:
        print(f"  Usual cause: {error.cause}", file=sys.stderr)
    print(f"  Fix: {error.fix}", file=sys.stderr)
    return error.exit_code
