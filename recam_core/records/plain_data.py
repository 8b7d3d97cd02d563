"""Plain data of a JSON file → a dataclass, every value checked against its annotation: the one way in which files are trusted."""

import dataclasses
import math
import types
from collections.abc import Callable
from typing import Any, TypeVar, Union, get_args, get_origin

Made = TypeVar("Made")


def from_plain(kind: type[Made], plain: Any, **given: Any) -> Made:
    """A ``kind`` out of plain data and what is ``given``; fields that it does not have are passed over.

    Lists become tuples; numbers are finite. Raises ``ValueError`` that names a field which is missing or of another kind.
    """
    if not isinstance(plain, dict):
        raise ValueError(f"expected names and values, got {type(plain).__name__}")
    values = dict(given)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name in plain and field.name not in given:
            try:
                values[field.name] = _fitting(plain[field.name], field.type)
            except ValueError as error:
                raise ValueError(f"{field.name}: {error}") from error
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"something is missing ({error})") from error


def _fitting(value: Any, kind: Any) -> Any:
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return from_plain(kind, value)  # type: ignore[arg-type]
    origin = get_origin(kind)
    if origin is not None:
        return _PARTS[origin](value, get_args(kind))
    wanted = (int, float) if kind is float else kind
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"expected {getattr(kind, '__name__', kind)}, got {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("expected a finite number")
    return value


def _any_of(value: Any, kinds: tuple[Any, ...]) -> Any:
    faults = []
    for kind in kinds:
        try:
            return None if kind is types.NoneType and value is None else _fitting(value, kind)
        except ValueError as error:
            faults.append(str(error))
    raise ValueError(faults[0])


def _tuple(value: Any, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    values = _list(value, (Any,))
    if kinds[-1] is Ellipsis:
        return tuple(_fitting(one, kinds[0]) for one in values)
    if len(values) != len(kinds):
        raise ValueError(f"expected {len(kinds)} values, got {len(values)}")
    return tuple(_fitting(one, kind) for one, kind in zip(values, kinds, strict=True))


def _list(value: Any, kinds: tuple[Any, ...]) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list, got {type(value).__name__}")
    return [_fitting(one, kinds[0]) for one in value]


def _dict(value: Any, kinds: tuple[Any, ...]) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expected names and values, got {type(value).__name__}")
    return {name: _fitting(one, kinds[1]) for name, one in value.items()}


_PARTS: dict[Any, Callable[[Any, tuple[Any, ...]], Any]] = {
    tuple: _tuple, list: _list, dict: _dict, types.UnionType: _any_of, Union: _any_of,
}  # fmt: skip
