"""Frozen dataclasses to JSON values and back: one rule for every file edgekit writes and every message it sends."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """Plain JSON values (dict, list, str, int, float, bool, None) for a dataclass or a container of them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_json(item) for item in value]
    return value


def from_json(cls: type[T], data: Any) -> T:
    """The dataclass (or plain value) of type `cls` that `to_json` turned into `data`.

    Keys that `cls` does not have are ignored, so that an older edgekit reads a newer file of the same schema.

    Raises:
        ValueError: A required key is missing or a value does not fit its type.
    """
    return typing.cast("T", _decode(cls, data, cls.__name__))


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Canonical JSON text: sorted keys, no NaN, so that equal values have equal digests."""
    return json.dumps(to_json(value), sort_keys=True, indent=indent, ensure_ascii=False, allow_nan=False)


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _decode(kind: Any, data: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if kind is Any:
        return data
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(kind), data, where)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, data, where)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(data)
    if origin in (tuple, list):
        return _decode_sequence(origin, typing.get_args(kind), data, where)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        _, item = typing.get_args(kind)
        return {key: _decode(item, value, f"{where}.{key}") for key, value in data.items()}
    if origin is typing.Literal:
        if data not in typing.get_args(kind):
            raise ValueError(f"{where}: {data!r} is none of {typing.get_args(kind)}")
        return data
    if kind is float and isinstance(data, int):
        return float(data)
    if kind is Path:
        return Path(data)
    if isinstance(kind, type) and not isinstance(data, kind):
        raise ValueError(f"{where}: expected {kind.__name__}, found {type(data).__name__}")
    return data


def _decode_union(options: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in options:
        return None
    problems = []
    for option in options:
        if option is type(None):
            continue
        try:
            return _decode(option, data, where)
        except (ValueError, TypeError, AttributeError) as problem:
            problems.append(str(problem))
    raise ValueError("; ".join(problems) or f"{where}: {data!r} does not fit")


def _decode_dataclass(cls: type, data: Any, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise ValueError(f"{where}: expected an object, found {type(data).__name__}")
    hints = _hints(cls)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        if field.name in data:
            values[field.name] = _decode(hints[field.name], data[field.name], f"{where}.{field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{where}.{field.name} is missing")
    return cls(**values)


def _decode_sequence(origin: type, args: tuple[Any, ...], data: Any, where: str) -> Any:
    if not isinstance(data, (list, tuple)):
        raise ValueError(f"{where}: expected a list, found {type(data).__name__}")
    if args and args[0] is float and args[-1] in (float, Ellipsis) and not any(isinstance(item, str) for item in data):
        return origin(map(float, data))  # raw samples: hundreds of thousands of numbers
    if origin is tuple and args and args[-1] is not Ellipsis:
        return tuple(_decode(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(args, data, strict=True)))
    return origin(_decode(args[0], item, f"{where}[{i}]") for i, item in enumerate(data))
