"""Plain data of a JSON file → a dataclass, every value checked against its annotation: the one way in which files are trusted."""

import dataclasses
import math
import types
from collections.abc import Callable
from functools import cache, partial
from typing import Any, TypeVar, Union, get_args, get_origin

Made = TypeVar("Made")
Check = Callable[[Any], Any]


def from_plain(kind: type[Made], plain: Any, **given: Any) -> Made:
    """A ``kind`` out of plain data and what is ``given``; fields that it does not have are passed over.

    Lists become tuples; numbers are finite. Raises ``ValueError`` that names a field which is missing or of another kind.
    """
    if not isinstance(plain, dict):
        raise ValueError(f"expected names and values, got {type(plain).__name__}")
    values = dict(given)
    for name, checked in _fields(kind):  # type: ignore[arg-type]  # mypy takes type[Made] for unhashable
        if name in plain and name not in given:
            try:
                values[name] = checked(plain[name])
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"something is missing ({error})") from error


@cache
def _fields(kind: Any) -> list[tuple[str, Check]]:
    kinds: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(kind)}
    return [(name, _check_of(annotation)) for name, annotation in kinds.items()]


@cache  # an index of pictures has a hundred thousand entries
def _check_of(kind: Any) -> Check:
    """What checks a value against an annotation, and returns it."""
    if kind is Any:
        return lambda value: value
    if dataclasses.is_dataclass(kind):
        return partial(from_plain, kind)  # type: ignore[arg-type]  # an instance would be a dataclass to mypy, too
    origin = get_origin(kind)
    if origin is not None:
        return _PARTS[origin](get_args(kind))
    return partial(_plain_value, kind)


def _plain_value(kind: Any, value: Any) -> Any:
    if type(value) is not kind:
        wanted = (int, float) if kind is float else kind
        if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"expected {getattr(kind, '__name__', kind)}, got {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("expected a finite number")
    return value


def _any_of(kinds: tuple[Any, ...]) -> Check:
    optional, checks = types.NoneType in kinds, [_check_of(kind) for kind in kinds if kind is not types.NoneType]

    def check(value: Any) -> Any:
        if value is None and optional:
            return None
        faults = []
        for one in checks:
            try:
                return one(value)
            except ValueError as error:
                faults.append(str(error))
        raise ValueError(faults[0])

    return check


def _tuple(kinds: tuple[Any, ...]) -> Check:
    many, checks = kinds[-1] is Ellipsis, [_check_of(kind) for kind in kinds if kind is not Ellipsis]

    def check(value: Any) -> tuple[Any, ...]:
        values = _listed(value)
        if many:
            return tuple(map(checks[0], values))
        if len(values) != len(checks):
            raise ValueError(f"expected {len(checks)} values, got {len(values)}")
        return tuple(one(part) for one, part in zip(checks, values, strict=True))

    return check


def _list(kinds: tuple[Any, ...]) -> Check:
    one = _check_of(kinds[0])
    return lambda value: list(map(one, _listed(value)))


def _listed(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list, got {type(value).__name__}")
    return value


def _dict(kinds: tuple[Any, ...]) -> Check:
    one = _check_of(kinds[1])

    def check(value: Any) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"expected names and values, got {type(value).__name__}")
        return {name: one(part) for name, part in value.items()}

    return check


_PARTS: dict[Any, Callable[[tuple[Any, ...]], Check]] = {
    tuple: _tuple, list: _list, dict: _dict, types.UnionType: _any_of, Union: _any_of,
}  # fmt: skip
