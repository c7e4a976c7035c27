"""Plain values against a frozen dataclass: unknown keys, missing keys and wrong types, in words and with their lines."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import types
import typing
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from edgekit.config.document import Document, Where
from edgekit.registry import nearest

if TYPE_CHECKING:
    import pydantic


def build(kind: type, document: Document) -> Any:
    """The object of type `kind` that a document describes, or None after noting why it is not one.

    pydantic decides (strictly: "3" is no number, 1.5 no whole number); this module only finds the words and the line.
    """
    import pydantic

    suggested = _note_unknown(kind, document)
    try:
        # The JSON mode is the strict mode in which a list is a tuple, a mapping a dataclass and text a member of an enum.
        return _adapter(kind).validate_json(json.dumps(document.value), strict=True)
    except pydantic.ValidationError as error:
        for found in error.errors(include_url=False, include_context=False):
            _note_type(kind, document, tuple(found["loc"]), missing=found["type"] == "missing", suggested=suggested)
        return None


@functools.cache
def _adapter(kind: type) -> pydantic.TypeAdapter[Any]:
    import pydantic

    return pydantic.TypeAdapter(kind)


def describe(kind: Any) -> str:
    """A type in words: `a whole number`, `one of nhwc, nchw`, `a list of numbers`."""
    options = [option for option in _options(kind) if option is not type(None)]
    if len(options) < len(_options(kind)):
        return f"{describe(options[0])}, or null"
    plain = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Any: "any value"}
    origin = typing.get_origin(kind)
    if kind in plain:
        return plain[kind]
    if dataclasses.is_dataclass(kind):
        return f"a mapping with the keys {', '.join(_keys(kind))}"
    if choices := _choices(kind):
        return f"one of {', '.join(choices)}"
    if origin is tuple:
        item = describe(typing.get_args(kind)[0])
        return f"a list, each entry {item}"
    return "a mapping"


def dotted(where: Where) -> str:
    """`variants[0].prune.amount` for ("variants", 0, "prune", "amount")."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown(value: Any) -> str:
    """A value as a problem quotes it."""
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    if isinstance(value, dict):
        return f"a mapping with the keys {', '.join(value)}" if value else "an empty mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _note_unknown(kind: type, document: Document) -> set[Where]:
    """Notes every unknown key; returns the places of the keys that were suggested instead."""
    homes = _homes(kind)
    suggested: set[Where] = set()
    for section, where, key in _unknown(kind, document.value, ()):
        inside = f" in `{dotted(where)}`" if where else ""
        known, taken = _keys(section), {*document.keys, *suggested}
        near = nearest(key, [name for name in known if (*where, name) not in taken])
        if near:
            suggested.add((*where, near))
            hint = f"did you mean `{near}`?"
        elif key in homes:
            hint = f"it belongs in `{homes[key]}`"
        else:
            hint = f"known are {', '.join(f'`{name}`' for name in known)}"
        document.at_key((*where, key), f"unknown key `{key}`{inside}; {hint}")
    return suggested


def _unknown(kind: Any, value: Any, where: Where) -> Iterator[tuple[type, Where, str]]:
    kind = _inner(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(value, Mapping):
        hints = typing.get_type_hints(kind)
        for key, item in value.items():
            if key in hints:
                yield from _unknown(hints[key], item, (*where, key))
            else:
                yield kind, where, key
    elif typing.get_origin(kind) is tuple and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(typing.get_args(kind)[0], item, (*where, index))


def _note_type(kind: type, document: Document, loc: Where, *, missing: bool, suggested: set[Where]) -> None:
    if missing:
        if loc not in suggested:
            wanted = describe(_type_at(kind, loc))
            document.at_key(loc[:-1], f"`{dotted(loc)}` is missing: {wanted}")
        return
    value = _value_at(document.value, loc)
    wanted_type = _type_at(kind, loc)
    choices = _choices(_inner(wanted_type))
    near = nearest(value, choices) if isinstance(value, str) and choices else None
    hint = f"; did you mean {near}?" if near else ""
    if isinstance(value, str) and _inner(wanted_type) in (int, float) and value.replace(".", "", 1).lstrip("-").isdigit():
        hint = "; take the quotes away"
    if typing.get_origin(_inner(wanted_type)) is tuple and not isinstance(value, (list, dict)) and value is not None:
        hint = f"; write [{json.dumps(value) if not isinstance(value, str) else value}]"
    document.at_value(loc, f"`{dotted(loc)}` must be {describe(wanted_type)}; it is {shown(value)}{hint}")


def _value_at(value: Any, where: Where) -> Any:
    for part in where:
        value = value[part]
    return value


def _type_at(kind: Any, where: Where) -> Any:
    for part in where:
        kind = _inner(kind)
        if isinstance(part, int):
            kind = typing.get_args(kind)[0]
        elif dataclasses.is_dataclass(kind):
            kind = typing.get_type_hints(kind)[part]
        else:
            kind = typing.get_args(kind)[1]
    return kind


def _homes(kind: Any, where: Where = ()) -> dict[str, str]:
    """The section of every key, so that a key in the wrong section is told where it belongs."""
    kind = _inner(kind)
    found: dict[str, str] = {}
    if not dataclasses.is_dataclass(kind):
        return found
    for name, hint in typing.get_type_hints(kind).items():
        if where:
            found.setdefault(name, dotted(where))
        for key, home in _homes(hint, (*where, name)).items():
            found.setdefault(key, home)
    return found


def _keys(kind: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _options(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)


def _inner(kind: Any) -> Any:
    """The type without its `| None`."""
    return next(option for option in _options(kind) if option is not type(None))


def _choices(kind: Any) -> list[str]:
    if typing.get_origin(kind) is typing.Literal:
        return [str(choice) for choice in typing.get_args(kind)]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return [str(member.value) for member in kind]
    return []
