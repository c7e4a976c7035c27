"""Writes the pages of docs/reference/ that state facts of the code: cli.md, targets.md, errors.md and api.md.

`make docs` runs it; a test fails while a page is not what this script would write.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import typer

import edgekit
from edgekit import errors, registry
from edgekit.cli.main import VERBS, build
from edgekit.core.model import Model
from edgekit.core.target import ModelFormat, Precision, Target
from edgekit.lazy import DISTRIBUTION
from edgekit.pipeline.plan import known_targets, needs_calibration, routes

REFERENCE = Path(__file__).parent / "reference"
SECTIONS = ("Args", "Attributes", "Returns", "Raises")
TYPE_WORDS = {"str": "text", "text": "text", "int": "whole number", "integer": "whole number", "float": "number"}
WIDTH = 125


def pages() -> dict[str, str]:
    """File name to the text of each generated page."""
    return {"cli.md": cli(), "targets.md": targets(), "errors.md": error_page(), "api.md": api()}


def cli() -> str:
    """Every verb with its arguments and options."""
    parts = [
        "# Command line",
        "Made from the program by `make docs`. `edgekit --help` prints the verbs, `edgekit VERB --help` a verb's options.",
        "Results go to standard output, progress and warnings to standard error. Where standard error is no terminal, "
        "progress is one line a step. With `--json` standard output is one JSON document, an error's included. Exit codes "
        "are on the page [errors](errors.md).",
        "Shell completion: `edgekit --install-completion` for the current shell.",
        table(["verb", "what it does"], [(f"[`{verb}`](#edgekit-{verb})", line) for verb, line in VERBS.items()]),
    ]
    for verb in VERBS:
        root: Any = typer.main.get_command(build([verb]))
        parts += _command(f"edgekit {verb}", root.commands[verb])
    return _page(parts)


def _command(name: str, command: Any) -> list[str]:
    children = getattr(command, "commands", {})
    parts = [f"## {name}", *_paragraphs(command.help)]
    if children:
        return parts + [part for child in children.values() for part in _leaf(f"{name} {child.name}", child)]
    return parts + _parameters(name, command)


def _leaf(name: str, command: Any) -> list[str]:
    return [f"### {name}", *_paragraphs(command.help), *_parameters(name, command)]


def _parameters(name: str, command: Any) -> list[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    usage = " ".join([name, *("[OPTIONS]" for _ in options[:1]), *(p.metavar for p in arguments)])
    rows = [(f"`{p.metavar}`", "required" if p.required else "", p.help) for p in arguments]
    rows += [(", ".join(f"`{o}`" for o in p.opts) + _value(p), _default(p), p.help) for p in options]
    return [f"    {usage}", table(["argument or option", "default", "meaning"], rows)]


def _value(option: Any) -> str:
    if getattr(option, "is_flag", False):
        return ""
    choices = getattr(option.type, "choices", None)
    if choices:
        return " " + " or ".join(f"`{choice}`" for choice in choices)
    name = str(option.type.name)
    return " " + TYPE_WORDS.get(name, name)


def _default(option: Any) -> str:
    if option.required:
        return "required"
    shown = isinstance(option.default, (str, int, float)) and not isinstance(option.default, bool)
    return f"`{option.default}`" if shown else ""


def targets() -> str:
    """What can be made, on which ways, by which plugin."""
    formats = list(ModelFormat)
    rows = [(f"`{t}`", *(_way(f, t) for f in formats), "yes" if _static(t) else "no") for t in known_targets()]
    parts = [
        "# Targets",
        "Made from the plugins by `make docs`. A target is `<format>-<precision>`; `edgekit targets` says which are ready "
        "on this machine and what installs the rest. How to choose among them: "
        "[choose an artifact](../how-to/choose-an-artifact.md).",
        "## Ways",
        "From a float model of each format, the converters and passes that are run, in this order. An empty cell: there is "
        "no sound way. A model that is already quantized is not converted further: start from the float one.",
        table(["target", *(f"from {f.value}" for f in formats), "needs `--calib`"], rows),
        "## Plugins",
        "The packages come with the extra named in the last column, for example "
        f"`pip install '{DISTRIBUTION}[litert]'`. Gaps are what a plugin does not do; `notyet` may close, `never` will not.",
        *_plugins(),
    ]
    return _page(parts)


def _way(start: ModelFormat, target: Target) -> str:
    model = Model(Path(), start, Precision.FP32, (), (), (), "")
    try:
        return ", ".join(f"`{hop.plugin}`" for hop in routes(model, target)[0])
    except errors.NoPathError:
        return ""


def _static(target: Target) -> bool:
    start = next(f for f in ModelFormat if f is not target.format and _way(f, target))
    return needs_calibration(routes(Model(Path(), start, Precision.FP32, (), (), (), ""), target)[0])


def _plugins() -> list[str]:
    parts = []
    does: Callable[[Any], str]
    for kind, does in (
        ("sources", lambda p: f"reads {' '.join(p.suffixes)}"),
        ("converters", lambda p: f"{p.source.value} to {p.target.value}"),
        ("passes", lambda p: f"{p.format.value} to {', '.join(precision.value for precision in p.precisions)}"),
        ("runtimes", lambda p: f"runs {', '.join(p.formats)}"),
        ("inspectors", lambda p: f"inspects {p.format.value}"),
        ("tracers", lambda p: f"runs {p.format.value} tensor by tensor"),
        ("trainers", lambda _: "trains, fine-tunes, prunes"),
        ("datasets", lambda p: f"takes {_options(p)}"),
        ("renderers", lambda p: f"writes {p.filename}"),
    ):
        rows = [
            (f"`{p.name}`", does(p), _packages(p), _gaps(p), f"`{p.extra}`" if p.extra else "") for p in registry.every(kind)
        ]
        parts += [f"### {kind.capitalize()}", _drop_empty(["name", "what", "packages", "gaps", "extra"], rows)]
    return parts


def _packages(plugin: Any) -> str:
    return ", ".join(getattr(plugin, "packages", ()))


def _gaps(plugin: Any) -> str:
    return "; ".join(f"`{name}`: {reason}" for name, reason in getattr(plugin, "gaps", {}).items())


def _options(plugin: Any) -> str:
    """The sentence after `Options:` in a dataset's docstring."""
    found = re.search(r"Options: (.+?)\.?$", " ".join((plugin.__doc__ or "").split()))
    return found[1] if found else "no options"


def error_page() -> str:
    """Every error class with its exit code."""
    rows = re.findall(r"(\w+Error)\s+(\d+)\s+(.+)", errors.__doc__ or "")
    known = errors.by_name()
    listed = [(code, f"`{name}`", f"`{known[name].__mro__[1].__name__}`", words) for name, code, words in rows]
    parts = [
        "# Errors",
        "Made from `edgekit/errors.py` by `make docs`. Every error that edgekit raises on purpose has a class, an exit code "
        "and three parts: what happened, the usual cause where it is not plain, and a fix. No traceback is shown. An error "
        "without these parts is a bug of edgekit and keeps its traceback.",
        "    $ edgekit convert model.keras --target tflite-int9\n"
        "    edgekit: There is no target named 'tflite-int9'.\n"
        "      Fix: Did you mean tflite-int8? There is: onnx-fp32, onnx-int8, ...",
        table(["exit code", "class", "is a", "meaning"], [("0", "", "", "it worked"), *listed, *_others()]),
        "With `--json` the same goes to standard output:",
        '    {"error": {"type": "UnknownNameError", "message": "...", "cause": "", "fix": "..."}, "exit_code": 7}',
        "In Python the classes are in `edgekit.errors`, each with the attributes `message`, `fix`, `cause` and `exit_code`.",
        "`edgekit run` and `edgekit bench` go on when one artifact fails, list it under Rejected, and end with the exit "
        "code of the first one.",
    ]
    return _page(parts)


def _others() -> list[Sequence[str]]:
    return [("130", "", "", "stopped by Ctrl-C; finished steps are kept"), ("141", "", "", "the reader of a pipe went away")]


def api() -> str:
    """Each name of the Python API with its signature and docstring."""
    known = [(name, getattr(edgekit, name)) for name in edgekit.__all__ if not name.startswith("_")]
    functions = [(name, value) for name, value in known if not inspect.isclass(value)]
    classes = [(name, value) for name, value in known if inspect.isclass(value)]
    parts = [
        "# Python API",
        "Made from the docstrings by `make docs`. `import edgekit` costs nothing; engines are imported in child processes "
        "when they are used. Every function takes paths as text or `pathlib.Path` (`PathLike`) and returns frozen values "
        "from `edgekit.core`. Errors are the classes of [errors](errors.md). Examples: "
        "[use from Python](../how-to/use-from-python.md).",
        table(["name", "what it does"], [(f"[`{n}`](#{n.lower()})", _first_line(v)) for n, v in functions + classes]),
        "## Functions",
        *(part for name, value in functions for part in _documented(name, value)),
        "## Values",
        *(part for name, value in classes for part in _documented(name, value)),
    ]
    return _page(parts)


def _documented(name: str, value: Any) -> list[str]:
    return [f"### {name}", f"```python\n{_signature(name, value)}\n```", *_docstring(inspect.getdoc(value) or "")]


def _signature(name: str, value: Any) -> str:
    """`name(parameters) -> result` on one line where it fits, else one line a parameter."""
    signature = inspect.signature(value)
    tail = ")" if inspect.isclass(value) else f") -> {signature.return_annotation}"
    parameters = _parameters_of(signature)
    line = f"{name}({', '.join(parameters)}{tail}"
    return line if len(line) <= WIDTH else "\n".join([f"{name}(", *(f"    {text}," for text in parameters), tail])


def _parameters_of(signature: inspect.Signature) -> list[str]:
    lines: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in lines:
            lines.append("*")
        text = f"{parameter.name}: {parameter.annotation}"
        if parameter.default is not parameter.empty:
            text += f" = {parameter.default!r}"
        lines.append(f"**{text}" if parameter.kind is parameter.VAR_KEYWORD else text)
    return lines


def _docstring(text: str) -> list[str]:
    """A Google docstring as paragraphs and lists."""
    parts: list[str] = []
    for block in re.split(r"\n\s*\n", text):
        title, _, body = block.partition("\n")
        if title.rstrip(":") in SECTIONS and title.endswith(":"):
            parts += [f"**{title.rstrip(':')}**", "\n".join(_items(inspect.cleandoc(body)))]
        else:
            parts.append(" ".join(block.split()))
    return parts


def _items(body: str) -> list[str]:
    entries: list[str] = []
    for line in body.splitlines():
        if line.startswith(" ") and entries:
            entries[-1] += " " + line.strip()
        else:
            entries.append(line.strip())
    return [
        re.sub(r"^([\w*]+): ", r"- `\1`: ", entry) if re.match(r"[\w*]+: ", entry) else f"- {entry}" for entry in entries
    ]


def _first_line(value: Any) -> str:
    return (inspect.getdoc(value) or "").split("\n", 1)[0]


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [titles, ["---"] * len(titles), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _drop_empty(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table without columns in which nothing is said."""
    kept = [i for i in range(len(titles)) if any(row[i] for row in rows)]
    return table([titles[i] for i in kept], [[row[i] for i in kept] for row in rows])


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in (text or "").split("\n\n")]


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(_wrapped(part) for part in parts) + "\n"


def _wrapped(part: str) -> str:
    """Plain paragraphs broken at WIDTH; tables, lists, code and titles as they are."""
    if part.startswith(("#", "|", "- ", "    ", "```")):
        return part
    return textwrap.fill(part, WIDTH, break_long_words=False, break_on_hyphens=False)


def main() -> None:
    """Writes the pages."""
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
