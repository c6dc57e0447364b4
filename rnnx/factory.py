"""Cells that know the call that made them.

A cell is a tuple of functions that close over the arguments of its factory, and Python compares such functions by
identity: of two cells made alike `jit` would compile both, and neither could be pickled. So each function that a
`@factory` returns is a `Part`: it stands for a place in what a call returns, such as `lstm(4).form.project`, and equals
the part that an equal call has there. Cells need no more than that to compare, hash and pickle, as tuples do; and it
holds as well for what `_replace` makes of a cell, and for a copy that a framework makes of it field by field.
"""

import contextlib
import functools
import inspect
import itertools
import operator
import sys
import threading
import weakref
from collections.abc import Callable, Hashable, Mapping
from typing import Any, ParamSpec, TypeVar

import jax
import numpy as np

P = ParamSpec("P")
Made = TypeVar("Made")


def factory(make: Callable[P, Made]) -> Callable[P, Made]:
    """Decorate a function that makes cells, so that those made alike are equal, can be pickled, and print as the call.

    Arguments are compared as values; functions among them, such as an initialiser of one's own, by identity, and they
    pickle if they can be imported by name. With an argument that can't be hashed, such as an array or a key, a cell is
    equal to itself alone. NumPy's scalars reach `make` as Python's numbers, and a whole number as a float where the
    default is one.

    Args:
      make: what returns a `Cell`, or a single function such as an initialiser. The result may depend on its arguments
        alone. What it computes with JAX when called is a constant, also under `jit`.

    Raises:
      TypeError: when called, arguments that do not suit the signature.

    >>> import rnnx
    >>> rnnx.lstm(4) == rnnx.lstm(hidden_size=4, forget_bias=1.0)
    True
    >>> rnnx.stack(rnnx.lstm(4), rnnx.residual(rnnx.gru(hidden_size=4, reset_after=False)))
    rnnx.stack(rnnx.lstm(4), rnnx.residual(rnnx.gru(4, reset_after=False)))
    """
    signature = inspect.signature(make)

    @functools.wraps(make)
    def calls(*args: P.args, **kwargs: P.kwargs) -> Made:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{make.__name__}() {error}") from None
        _canonicalize(bound)
        again = functools.partial(calls, *bound.args, **bound.kwargs)
        key = _key_or_none((calls, again.args, again.keywords))
        call = Call(again)
        context: contextlib.AbstractContextManager = contextlib.nullcontext()
        if key is not None:  # then no argument is a tracer, and none may get from one of two equal cells to the other
            with _lock:
                call = _calls.setdefault(key, call)
            context = jax.ensure_compile_time_eval()
        with context:
            made = make(*bound.args, **bound.kwargs)
        return call.signed(made, given=(*bound.args, *bound.kwargs.values()))

    return calls


class Call:
    """A call of a factory. Of equal ones there is one object, so that to compare them costs nothing."""

    def __init__(self, again: functools.partial):
        self.again = again
        self.outline: Any = None
        """What it returns, with its path in place of each function."""

    def signed(self, made: Made, given: tuple) -> Made:
        """What the call returned, with a `Part` in place of each function.

        What it took over from a cell among the arguments is known by that one's call, and stays as it is.
        """
        taken = {id(field) for cell in given if isinstance(cell, tuple) for field in cell}

        def is_leaf(node: Any) -> bool:
            return callable(node) or id(node) in taken

        def part(path: Any, leaf: Any) -> Any:
            if not callable(leaf) or id(leaf) in taken:
                return leaf
            function = leaf.function if isinstance(leaf, Part) else leaf
            return Part(function, self, jax.tree_util.keystr(path, simple=True, separator="."))

        signed = jax.tree.map_with_path(part, made, is_leaf=is_leaf)
        self.outline = self._outline(signed)
        return signed

    def made(self, value: Any) -> bool:
        """Whether the value is what the call returns, with nothing replaced."""
        return self._outline(value) == self.outline

    def _outline(self, made: Any) -> Any:
        def path(leaf: Any) -> Any:
            return leaf.path if isinstance(leaf, Part) and leaf.call is self else leaf

        return jax.tree.map(path, made, is_leaf=callable)

    def __repr__(self) -> str:
        values = [_shown(value) for value in self.again.args]
        values += [f"{name}={_shown(value)}" for name, value in self.again.keywords.items()]
        return f"{_public_name(self.again.func)}({', '.join(values)})"


class Part:
    """A function, known by the call that made it and its path in what that returned."""

    def __init__(self, function: Callable, call: Call, path: str):
        functools.update_wrapper(self, function, updated=())
        self.function, self.call, self.path = function, call, path

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns."""
        return self.function(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Part) and self.call is other.call and self.path == other.path

    def __hash__(self) -> int:
        return hash((self.call, self.path))

    def __repr__(self) -> str:
        return f"{self.call!r}.{self.path}" if self.path else repr(self.call)

    def __reduce__(self) -> tuple:
        return _part, (self.call.again, self.path)

    def __deepcopy__(self, memo: dict) -> "Part":
        return self  # as Python does with any function


def call_of(made: Any) -> Call | None:
    """The call that returned just this; `None` where it was put together by hand, or something in it replaced."""
    calls = dict.fromkeys(leaf.call for leaf in _leaves(made) if isinstance(leaf, Part))
    return next((call for call in calls if call.made(made)), None)


def _leaves(made: Any) -> list:
    return jax.tree.leaves(made, is_leaf=callable)


def _public_name(function: Callable) -> str:
    """How it is reached from the outermost package that has it, `rnnx.lstm`; its bare name where none has."""
    name = function.__name__
    for package in itertools.accumulate(function.__module__.split("."), "{}.{}".format):
        if getattr(sys.modules.get(package), name, None) is function:
            return f"{package}.{name}".removeprefix("__main__.")
    return name


def _shown(value: Any) -> str:
    """As in the text of a call; an array or a key by its type, as its numbers take lines."""
    return str(jax.typeof(value)) if isinstance(value, jax.Array) else repr(value)


def _part(again: Callable, path: str) -> Part:
    made = again()
    return operator.attrgetter(path)(made) if path else made


_calls: weakref.WeakValueDictionary[Hashable, Call] = weakref.WeakValueDictionary()
_lock = threading.RLock()


def _key(value: Any) -> Hashable:
    """What stands for a value in comparisons: 1, 1.0 and True are three. `TypeError` if it can't be hashed."""
    if isinstance(value, Mapping):
        return Mapping, frozenset((name, _key(entry)) for name, entry in value.items())
    if type(value) in (list, tuple):
        return type(value), *map(_key, value)
    hash(value)
    return type(value), value


def _key_or_none(value: Any) -> Hashable | None:
    try:
        return _key(value)
    except TypeError:
        return None


def _canonicalize(bound: inspect.BoundArguments) -> None:
    """Make equal calls the same: no NumPy scalars, no whole number for a float, nothing that is the default anyway."""
    parameters = bound.signature.parameters
    spread = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters.values())
    for name, value in list(bound.arguments.items()):
        parameter = parameters[name]
        value = _plain(value)
        if type(value) is int and type(parameter.default) is float:
            value = float(value)
        bound.arguments[name] = value
        # What is given by its place can't be left out before something else that is.
        named = parameter.kind is parameter.POSITIONAL_OR_KEYWORD and not spread
        if (named or parameter.kind is parameter.KEYWORD_ONLY) and _same(value, parameter.default):
            del bound.arguments[name]


def _same(value: Any, default: Any) -> bool:
    key = _key_or_none(value)
    return key is not None and key == _key_or_none(default)


def _plain(value: Any) -> Any:
    """NumPy scalars as Python's numbers, and copies of what might be changed later."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    return value
