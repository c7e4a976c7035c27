"""Document: one YAML file as plain values, with the line and column that each key and value came from.

Scalars follow the YAML 1.2 core schema, not PyYAML's 1.1 one: `2e-3` is a number, `no` and `12:30` are text, a date is text.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import MissingFileError, RecipeError

if TYPE_CHECKING:
    import yaml

Where = tuple[str | int, ...]
"""The keys and indices that lead from the top of a file to a value."""

MAX_BYTES = 256 * 1024
MAX_VALUES = 20_000
"""Values after aliases are followed; a few lines of nested aliases can stand for billions."""

# YAML 1.2.2, section 10.3.2 "Tag Resolution" of the core schema; .inf and .nan are recognised only to be refused.
_SCALARS = (
    ("null", re.compile(r"~|null|Null|NULL|")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("int", re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")),
)
_TAGS = {
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "null", "bool", "int", "float", "timestamp", "value", "merge")
}
"""What PyYAML resolves plain values to; any other tag was written by hand."""


@dataclass(frozen=True, order=True)
class Problem:
    """Something wrong at a place of a file; lines and columns start at 1."""

    line: int
    column: int
    text: str


@dataclass
class Document:
    """A YAML file that was read.

    Attributes:
        file: The file.
        value: Its content as dict, list, str, int, float, bool and None.
        places: Line and column of each value.
        keys: Line and column of each key.
        problems: What is wrong with it, so far.
    """

    file: Path
    value: Any = None
    places: dict[Where, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Where, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def at_value(self, where: Where, text: str) -> None:
        """Adds a problem at a value, or at the nearest value around it."""
        while where not in self.places and where:
            where = where[:-1]
        self.problems.append(Problem(*self.places.get(where, (1, 1)), text))

    def at_key(self, where: Where, text: str) -> None:
        """Adds a problem at a key, or at the value when it has none."""
        if where in self.keys:
            self.problems.append(Problem(*self.keys[where], text))
        else:
            self.at_value(where, text)

    def check(self, fix: str) -> None:
        """Ends here when there are problems.

        Raises:
            RecipeError: All problems, in the order of the file.
        """
        if not self.problems:
            return
        found = sorted(set(self.problems))
        lines = [f"{self.file}:{p.line}:{p.column}: {p.text}" for p in found]
        head = f"{self.file} has {len(lines)} problems:\n  " if len(lines) > 1 else ""
        raise RecipeError(head + "\n  ".join(lines), fix=fix)


def read_document(file: Path) -> Document:
    """Reads a YAML file.

    Raises:
        MissingFileError: It is not there.
        RecipeError: It is not a YAML text file, or too large.
    """
    import yaml

    text = _read_text(file)
    document = Document(file)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(file, error) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise RecipeError(
            f"{file}:{line}: there is a control character here.", fix="Delete it; YAML is plain text."
        ) from None
    except RecursionError:
        raise RecipeError(f"{file} is nested too deeply.", fix="No key of edgekit needs more than six levels.") from None
    if root is not None:
        _Reader(document).read(root)
    return document


def _read_text(file: Path) -> str:
    fix = "Name a YAML text file."
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(f"{file} does not exist.", fix=f"Check the path: ls {file.parent}") from None
    except IsADirectoryError:
        raise RecipeError(f"{file} is a folder.", fix=fix) from None
    except OSError as error:
        raise RecipeError(
            f"{file} cannot be read: {error.strerror}.", fix=f"Look at its permissions: ls -l {file}"
        ) from None
    if len(raw) > MAX_BYTES:
        raise RecipeError(f"{file} is larger than {MAX_BYTES // 1024} KiB, the most edgekit reads as YAML.", fix=fix)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{file} is not UTF-8 text: byte {error.start} is 0x{raw[error.start]:02x}.", fix=fix) from None
    if "\0" in text:
        raise RecipeError(f"{file} is a binary file.", fix=fix)
    return text


def _syntax_error(file: Path, error: yaml.MarkedYAMLError) -> RecipeError:
    mark = error.problem_mark or error.context_mark
    place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else str(file)
    words = " ".join(filter(None, (error.context, error.problem))).strip()
    hint = "Indent with spaces; YAML takes no tabs." if "\\t" in words else "Correct the line, or the one above it."
    return RecipeError(f"{place}: this is not YAML: {words}.", fix=hint)


class _Reader:
    """Turns a tree of YAML nodes into plain values, noting places and problems in the document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._values = 0
        self._open: list[int] = []

    def read(self, root: yaml.Node) -> None:
        self._document.value = self._value(root, ())

    def _value(self, node: yaml.Node, where: Where) -> Any:
        import yaml

        document = self._document
        document.places[where] = _place(node)
        self._values += 1
        if id(node) in self._open:
            document.at_value(where, "an alias stands inside its own anchor; write the value out")
            return None
        if self._values > MAX_VALUES:
            raise RecipeError(
                f"{document.file} stands for more than {MAX_VALUES:,} values.",
                fix="Write less, or do not nest aliases (`*name`) of aliases.",
            )
        if node.tag not in _TAGS:
            document.at_value(where, f"the tag `{node.tag}` is not read; write a plain value")
            return None
        self._open.append(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, where)
            if isinstance(node, yaml.SequenceNode):
                return [self._value(item, (*where, index)) for index, item in enumerate(node.value)]
            quoted = isinstance(node, yaml.ScalarNode) and node.style is not None
            return node.value if quoted else self._plain(node.value, where)
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        found: dict[str, Any] = {}
        document = self._document
        for key_node, value_node in node.value:
            line, column = _place(key_node)
            if not isinstance(key_node.value, str):
                document.problems.append(Problem(line, column, "a key must be one word, not a list or a mapping"))
                continue
            key = key_node.value
            if key == "<<":
                document.problems.append(Problem(line, column, "merge keys (`<<`) are not read; write the keys out"))
                continue
            if key in found:
                first = document.keys[(*where, key)][0]
                document.problems.append(
                    Problem(line, column, f"the key `{key}` is here twice; the first is in line {first}")
                )
                continue
            document.keys[(*where, key)] = (line, column)
            found[key] = self._value(value_node, (*where, key))
        return found

    def _plain(self, text: str, where: Where) -> Any:
        kind = next((name for name, form in _SCALARS if form.fullmatch(text)), "str")
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if kind == "float":
            number = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            if math.isfinite(number):
                return number
            self._document.at_value(where, f"`{text}` is not a finite number")
            return 0.0
        return text


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
