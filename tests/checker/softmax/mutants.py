"""The checker with a part of its text replaced by another: to see that a test notices."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from types import CodeType, FunctionType, ModuleType
from typing import Any

CACHED = type(cache(len))


def functions(namespace: dict[str, Any]) -> Iterator[tuple[str, FunctionType]]:
    """All functions of a module, and those of its classes, by name."""
    for name, thing in namespace.items():
        if isinstance(thing, CACHED):
            thing = thing.__wrapped__
        if isinstance(thing, cached_property):
            thing = thing.func
        if isinstance(thing, property):
            thing = thing.fget
        if isinstance(thing, FunctionType):
            yield name, thing
        elif inspect.isclass(thing) and thing.__module__ == namespace.get("__name__"):
            yield from ((f"{name}.{own}", function) for own, function in functions(dict(vars(thing))))


@cache
def replaced(module: ModuleType, old: str, new: str) -> dict[str, CodeType]:
    """By name, the code of the module's functions, from a text in which ``old``, which occurs once, is replaced by
    ``new``."""
    text = inspect.getsource(module)
    assert text.count(old) == 1, f"{module.__name__} has {text.count(old)} times {old!r}"
    other: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(text.replace(old, new), "mutated", "exec"), other)
    return {name: function.__code__ for name, function in functions(other)}


@contextmanager
def mutated(module: ModuleType, old: str, new: str) -> Iterator[None]:
    """Within it, the module is the other one."""
    codes, before = replaced(module, old, new), dict[FunctionType, CodeType]()
    for name, function in functions(vars(module)):
        if function.__module__ == module.__name__:
            before[function] = function.__code__
            function.__code__ = codes[name]
    forget(module)
    try:
        yield
    finally:
        for function, code in before.items():
            function.__code__ = code
        forget(module)


def forget(module: ModuleType) -> None:
    """Forget what functions of the module have kept."""
    for thing in vars(module).values():
        if isinstance(thing, CACHED):
            thing.cache_clear()
