"""
Values from JSON and back, by cattrs.

Reading is strict: nothing is converted, unknown keys are refused, numbers are finite, texts are Unicode, and size and
nesting are bounded. An error names the path of the first value that is wrong.
"""

from __future__ import annotations

import functools
import math
import operator
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias, TypeVar, cast, get_args, get_origin

from attrs import has

if TYPE_CHECKING:
    from cattrs import Converter

MOST_DEPTH = 12
"""Lists and objects within one another; evidence has 6."""
MOST_VALUES = 2_000_000
"""Values in all, keys included; the evidence of a model of 512 dimensions has some 50,000."""
MOST_CHARACTERS = 10_000
"""Characters of one text or key."""

Plain: TypeAlias = bool | int | float | str | tuple[float | None, ...] | None
"""What a plugin may tell of its work."""

T = TypeVar("T")


def structure(data: Any, cls: type[T], path: str, **bounds: int) -> T:
    """
    A value from its JSON form.

    Args:
        data: What ``json.loads`` gives; attrs values and times in it may be there already.
        cls: An attrs class whose fields are attrs classes, tuples of one type, mappings from text, numbers, texts,
            literals and times.
        path: What the value is called in errors.
        **bounds: See :func:`check_bounds`.

    Raises:
        ValueError: The first value that does not fit, with its path.
    """
    from cattrs import BaseValidationError, ForbiddenExtraKeysError

    check_bounds(data, path, **bounds)
    with suppress(ForbiddenExtraKeysError, ValueError, TypeError, KeyError):
        return converter(paths=False).structure(data, cls)
    try:
        return converter().structure(data, cls)
    except (BaseValidationError, ValueError, TypeError, KeyError) as error:
        place, reason = next(_reasons(error, path))
        raise ValueError(f"{place}: {reason}" if place else reason) from error


def unstructure(value: Any, path: str, **bounds: int) -> Any:
    """
    The JSON form of a value: new dicts and lists, keys in the order of the attributes.

    Args:
        value: As :func:`structure` gives it.
        path: What it is called in errors.
        **bounds: See :func:`check_bounds`.

    Raises:
        ValueError: A number is not finite.
    """
    data = converter().unstructure(value)
    check_bounds(data, path, **bounds)
    return data


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """
    An object of JSON, as ``json.loads`` calls it for each (``object_pairs_hook``).

    Raises:
        ValueError: A key is there twice.
    """
    out = dict(pairs)
    if len(out) < len(pairs):
        raise ValueError("a key is there twice in one object")
    return out


def check_bounds(
    data: Any, path: str, *, depth: int = MOST_DEPTH, values: int = MOST_VALUES, characters: int = MOST_CHARACTERS
) -> None:
    """
    Refuse what is nested too deeply, too large, no Unicode or not finite, before anything walks it by recursion.

    Args:
        data: What ``json.loads`` gives.
        path: What it is called in errors.
        depth: Most lists and objects within one another.
        values: Most values in all, keys included.
        characters: Most characters of one text or key.

    Raises:
        ValueError: The first value beyond the bounds, with its path.
    """
    waiting: list[tuple[Any, Any, int]] = [([data], path, -1)]
    fine: set[tuple[str, ...]] = set()
    count = -1
    while waiting:
        value, place, level = waiting.pop()
        count += len(value)
        if count > values:
            raise ValueError(f"{path or 'the data'}: expected at most {values:,} values")
        if level == depth:
            raise ValueError(f"{_path(place)}: expected at most {depth} levels of nesting")
        if isinstance(value, dict):
            keys = tuple(value)
            if keys not in fine:  # most objects of a class have the same
                for key in keys:
                    _check_text(key, (place, "a key"), characters)
                fine.add(keys)
        elif _are_finite(value):
            continue
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(one, float):
                if not math.isfinite(one):
                    here = _path(place if level < 0 else (place, key))
                    raise ValueError(f"{here}: expected a finite number, got {one}")
            elif isinstance(one, str):
                if len(one) > characters or not one.isascii():
                    _check_text(one, place if level < 0 else (place, key), characters)
            elif isinstance(one, dict | list):
                waiting.append((one, place if level < 0 else (place, key), level + 1))


def _are_finite(values: Iterable[Any]) -> bool:
    """Whether they are all finite numbers: most are, and this is several times faster than a look at each."""
    try:
        return all(map(math.isfinite, values))
    except (TypeError, OverflowError):
        return False


def _check_text(text: str, place: Any, most: int) -> None:
    if len(text) > most:
        raise ValueError(f"{_path(place)}: expected at most {most:,} characters, got {len(text):,}")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{_path(place)}: expected Unicode, got {reprlib.repr(text)}") from None


def _path(place: Any) -> str:
    keys = []
    while not isinstance(place, str):
        place, key = place
        keys.append(f"[{key}]" if isinstance(key, int) else f".{ascii(str(key)[:80])[1:-1]}")
    return (place + "".join(reversed(keys))).lstrip(".")


def _reasons(error: BaseException, path: str) -> Iterator[tuple[str, str]]:
    """What cattrs found wrong, with the path of each."""
    from cattrs import AttributeValidationNote, ForbiddenExtraKeysError, IterableValidationNote

    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            place = path
            for note in getattr(inner, "__notes__", ()):
                if isinstance(note, AttributeValidationNote):
                    place = f"{path}.{note.name}".lstrip(".")
                elif isinstance(note, IterableValidationNote):
                    place = f"{path}[{note.index}]" if isinstance(note.index, int) else f"{path}.{note.index}"
            yield from _reasons(inner, place)
    elif isinstance(error, ForbiddenExtraKeysError):
        yield path, f"unknown key {reprlib.repr(min(error.extra_fields))}"
    elif isinstance(error, KeyError):
        yield path, "missing"
    else:
        # The validators of attrs put more than the sentence into their errors.
        yield path, str(error.args[0] if error.args else error).rstrip(".")


@functools.cache
def converter(*, paths: bool = True) -> Converter:
    """
    The converter; what it cannot know is registered with it. Made at first use, since cattrs is slow to import.

    cattrs converts leniently ("1" to 1, true to 1, a text to a list of characters); every leaf and container here says
    what it takes instead.

    Args:
        paths: Whether its errors tell their paths; without, it is faster.
    """
    from cattrs import Converter
    from cattrs.cols import homogenous_tuple_structure_factory, mapping_structure_factory
    from cattrs.gen import make_dict_structure_fn

    out = Converter(forbid_extra_keys=True, detailed_validation=paths)
    containers: tuple[tuple[Callable[[Any], bool], Callable[..., Any], type, str], ...] = (
        (has, make_dict_structure_fn, dict, "an object"),
        (functools.partial(_is_generic, tuple), homogenous_tuple_structure_factory, list, "a list"),
        (functools.partial(_is_generic, Mapping), mapping_structure_factory, dict, "an object"),
    )
    for is_one, make, form, what in containers:
        out.register_structure_hook_factory(is_one, functools.partial(_strict, make, form, what))
    leaves: tuple[tuple[type, str], ...] = ((int, "a whole number"), (bool, "true or false"), (str, "a text"))
    for kind, what in leaves:
        out.register_structure_hook(kind, functools.partial(_leaf, kind, what))
    out.register_structure_hook(float, _number)
    out.register_structure_hook(datetime, lambda value, _: _time(value))
    out.register_unstructure_hook(datetime, datetime.isoformat)
    out.register_structure_hook_func(functools.partial(_is_generic, Literal), _literal)
    out.register_structure_hook_func(functools.partial(operator.eq, Plain), _plain)
    # One call for a row of numbers: there are many thousands.
    out.register_structure_hook_func(functools.partial(operator.eq, tuple[float, ...]), _numbers)
    for row in (tuple[float, ...], tuple[int, ...]):
        out.register_unstructure_hook_func(functools.partial(operator.eq, row), list)
    return out


def _is_generic(origin: Any, kind: Any) -> bool:
    return get_origin(kind) is origin


def _strict(make: Callable[..., Any], form: type, what: str, cls: Any, converter: Converter) -> Any:
    @functools.cache
    def structure() -> Any:
        return make(cls, converter)

    def read(value: Any, _: Any = cls) -> Any:
        if type(value) is form:
            return structure()(value, cls)
        return value if has(cls) and isinstance(value, cls) else refuse(what, value)

    return read


def _leaf(kind: type, what: str, value: Any, _: Any) -> Any:
    return value if type(value) is kind else refuse(what, value)


def _literal(value: Any, kind: Any) -> Any:
    known = get_args(kind)
    what = str(known[0]) if len(known) == 1 else f"one of {', '.join(map(str, known))}"
    return value if type(value) is type(known[0]) and value in known else refuse(what, value)


def _plain(value: Any, _: Any) -> Plain:
    if isinstance(value, list) and all(one is None or is_number(one) for one in value):
        return tuple(value)
    if value is None or isinstance(value, bool | str) or is_number(value):
        return cast(Plain, value)
    return refuse("a number, a text, true, false, null or a list of numbers", value)


def is_number(value: Any) -> bool:
    """Whether it is a number that a float can hold."""
    return type(value) is float or (type(value) is int and abs(value) < 1e300)


def _number(value: Any, _: Any) -> float:
    return value if type(value) is float else float(value if is_number(value) else refuse("a number", value))


def _numbers(values: Any, _: Any) -> tuple[float, ...]:
    if type(values) is not list or not all(map(is_number, values)):
        refuse("a list of numbers", values)
    return tuple(map(float, values))


def _time(value: Any) -> datetime:
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        refuse("a time", value)
    return time if time.tzinfo is not None else refuse("a time with its zone", value)


def refuse(what: str, value: Any) -> NoReturn:
    """Say what is expected and what was there instead."""
    raise ValueError(f"expected {what}, got {reprlib.repr(value)}")
