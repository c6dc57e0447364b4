"""Initial values, the same policies for every cell, because they decide how gradients start out.

A policy is a function, or its name with its numbers: `"orthogonal"`, `"spectral_radius(0.95)"`, `"chrono(750)"`. A name
can stand in a config and at the command line, and is logged with the run:

    --config.cell.recurrent_initializer="sparse(15, 0.95)" --config.cell.bias_initializer="chrono(750)"

Some that have a name elsewhere, as `input_initializer`, `recurrent_initializer` and `bias_initializer` of any cell:

- PyTorch: "uniform", "uniform", "uniform" (see `biases.uniform`)
- IRNN (Le, Jaitly & Hinton 2015), with `activation="relu"`: "normal(0.001)", "identity", "zeros"
- smart tanh (Pascanu, Mikolov & Bengio 2013): "normal(0.1)", "sparse(15, 0.95)", "zeros"

`rnnx/initializers/kernels.py` holds the policies for kernels, `rnnx/initializers/biases.py` those for biases.
"""

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import jax
import jax.numpy as jnp

from rnnx import checks
from rnnx.initializers import biases, kernels
from rnnx.initializers.biases import BiasInitializer
from rnnx.initializers.kernels import Initializer, fused, per_gate

__all__ = [
    "BiasInitializer",
    "BiasPolicy",
    "InitialValue",
    "Initializer",
    "KernelPolicy",
    "bias_names",
    "biases",
    "fused",
    "get",
    "get_bias",
    "is_initial_value",
    "kernels",
    "names",
    "per_gate",
]


_MARK = object()
InitialValue = Annotated[float, _MARK]
"""The type of an option of a cell that decides initial values alone, and no equation. So are the next two."""
KernelPolicy = Annotated[str | Initializer, _MARK]
"""A policy for a kernel, or its name with its numbers."""
BiasPolicy = Annotated[str | BiasInitializer, _MARK]
"""A policy for biases, or its name with its numbers."""


def is_initial_value(annotation: Any) -> bool:
    """Whether an option of this type decides initial values alone, so that all its values share a compiled program.

    >>> is_initial_value(InitialValue), is_initial_value(float)
    (True, False)
    """
    return _MARK in getattr(annotation, "__metadata__", ())


def names() -> tuple[str, ...]:
    """The policies for kernels that have a name, for configs.

    >>> "orthogonal" in names()
    True
    """
    return tuple(sorted(kernels.NAMED))


def bias_names() -> tuple[str, ...]:
    """The policies for biases that have a name, for configs.

    >>> bias_names()
    ('chrono', 'forget', 'uniform', 'zeros')
    """
    return tuple(sorted(biases.NAMED))


def get(initializer: str | Initializer) -> Initializer:
    """A policy for kernels by its name; a policy given as a function is returned as it is.

    Raises:
      ValueError: unknown name; numbers that it does not take.

    >>> get("spectral_radius(0.95)")(jax.random.key(0), 8, 8, 4).shape
    (8, 32)
    >>> get("spectral_radus(0.95)")
    Traceback (most recent call last):
    ValueError: no initializer named 'spectral_radus'; did you mean 'spectral_radius'? Known: ...
    >>> get("sparse(15)")
    Traceback (most recent call last):
    ValueError: the initializer 'sparse(15)' is not of the form sparse(connections, radius).
    """
    return initializer if callable(initializer) else _named("initializer", initializer, kernels.NAMED)


def get_bias(initializer: str | BiasInitializer, memory: tuple[int, ...]) -> BiasInitializer:
    """A policy for biases by its name, for a cell whose biases do this to memory: see `BiasInitializer`.

    Raises:
      ValueError: unknown name; numbers that it does not take; a policy that does not suit such a cell.

    >>> get_bias("chrono(750)", (0,))
    Traceback (most recent call last):
    ValueError: the bias initializer 'chrono(750)': chrono is for gates that hold memory, and this cell has none.
    """
    policy = initializer if callable(initializer) else _named("bias initializer", initializer, biases.NAMED)
    try:  # without computing anything, so that a policy that does not suit is refused when the cell is made
        jax.eval_shape(lambda: policy(jax.random.key(0), jnp.zeros((len(memory), 1)), memory))
    except ValueError as error:
        raise ValueError(f"the bias initializer {initializer!r}: {error}") from None
    return policy


Policy = TypeVar("Policy")


def _named(kind: str, text: object, known: dict[str, Callable[..., Policy]]) -> Policy:
    """What `name` or `name(number, …)` stands for."""
    name, bracket, rest = text.partition("(") if isinstance(text, str) else (text, "", "")
    factory = known[checks.choice(kind, name.strip() if isinstance(name, str) else name, known)]
    try:
        numbers = _numbers(rest) if bracket else []
        arguments = inspect.signature(factory).bind(*numbers).args
    except (TypeError, ValueError):
        raise ValueError(f"the {kind} {text!r} is not of the form {_form(factory)}.") from None
    try:
        return factory(*arguments)
    except ValueError as error:
        raise ValueError(f"the {kind} {text!r}: {error}") from None


def _numbers(rest: str) -> list[int | float]:
    """What stands between the brackets; `rest` begins behind the first. `ValueError` if it is not numbers."""
    match = re.fullmatch(r"([^()]*)\)\s*", rest)
    if match is None:
        raise ValueError
    parts = [part.strip() for part in match[1].split(",")] if match[1].strip() else []
    return [int(part) if re.fullmatch(r"[+-]?\d+", part) else float(part) for part in parts]


def _form(factory: Callable) -> str:
    """For example `orthogonal or orthogonal(gain)`."""
    parameters = inspect.signature(factory).parameters.values()
    full = f"{factory.__name__}({', '.join(parameter.name for parameter in parameters)})" if parameters else ""
    bare = factory.__name__ if all(parameter.default is not parameter.empty for parameter in parameters) else ""
    return " or ".join(filter(None, (bare, full)))
