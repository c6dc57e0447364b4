"""Any cell as a layer of someone's own Flax model, NNX or Linen: `from rnnx.flax_modules import NNXRecurrent`.

Batch-major, `[B, T, I]` to `[B, T, Y]`, as Flax users expect, with the arguments of `flax.nnx.RNN`. Where it differs:

- the carry is the cell's state, a named tuple such as `LSTMState(h, c)`; Flax's LSTM has the tuple (c, h);
- outputs past `seq_lengths` are zero, and neither gradient nor NaN comes out of there; a length may be 0;
- with `reverse`, outputs stay in the order of the inputs, which Flax calls `keep_order=True`.

The gradient at every step of such layers, in any model: `nnx_gradient_flows` and `linen_gradient_flows`.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen, nnx, traverse_util

from rnnx import checks
from rnnx.flax_gradient_flows import linen_gradient_flows, nnx_gradient_flows, run_layer
from rnnx.pytrees import in_type, named_leaves
from rnnx.types import Array, Cell, Params, State
from rnnx.unroll import check_engine

__all__ = ["LinenRecurrent", "NNXRecurrent", "linen_gradient_flows", "nnx_gradient_flows"]


class NNXRecurrent(nnx.Module):
    """A cell over a sequence as an NNX layer: what `nnx.RNN(nnx.LSTMCell(I, H, rngs=rngs))` is, for any cell.

    `layer.params` has the structure of the cell's parameters, and every array in it is an `nnx.Param`.

    Args:
      cell: any cell; stacks and other combinations too.
      input_size: I.
      time_major: inputs are `[T, B, I]` and outputs `[T, B, Y]`.
      return_carry: return (final carry, outputs).
      reverse: run from the last step to the first.
      dtype: what time runs in, forward and backward: inputs, parameters and carry are cast to it on the way in. If not
        given, as in Flax, the type in which neither inputs nor parameters lose digits.
      param_dtype: what parameters are kept in; that of `cell.init` if not given, which is JAX's default.
      engine: the way to run time, as in `rnnx.unroll`; `"scan"` where the layer is differentiated in forward mode.
      remat: what the backward pass computes again, as in `rnnx.unroll`.
      rngs: the parameters are drawn from its stream `params`.

    Raises:
      ValueError: an input size that is not a positive whole number; an unknown engine or remat.

    >>> import rnnx
    >>> class Classifier(nnx.Module):
    ...     def __init__(self, rngs):
    ...         self.rnn = NNXRecurrent(rnnx.lstm(16), 3, rngs=rngs)
    ...         self.readout = nnx.Linear(16, 5, rngs=rngs)
    ...     def __call__(self, xs, rngs=None):
    ...         cell = self.rnn.cell
    ...         if rngs is not None:  # training
    ...             cell = rnnx.dropout(cell, rngs.dropout(), input_rate=0.2)
    ...         return self.readout(self.rnn(xs, cell=cell)[:, -1])
    >>> model = Classifier(nnx.Rngs(0))
    >>> nnx.jit(model)(jnp.ones((2, 10, 3)), nnx.Rngs(dropout=1)).shape
    (2, 5)
    >>> model.rnn.params.recurrent_kernel.shape
    (16, 64)
    """

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        *,
        time_major: bool = False,
        return_carry: bool = False,
        reverse: bool = False,
        dtype: Any = None,
        param_dtype: Any = None,
        engine: str = "auto",
        remat: str | int | None = None,
        rngs: nnx.Rngs,
    ):
        check_engine(engine, remat)
        self.cell = cell
        self.input_size = checks.size("input_size", input_size)
        self.time_major = time_major
        self.return_carry = return_carry
        self.reverse = reverse
        self.dtype = dtype
        self.param_dtype = param_dtype
        self.engine = engine
        self.remat = remat
        # Not under the name `params`: Linen, through `nnx.bridge.to_linen`, would take that for its collection.
        self.weights = nnx.data(jax.tree.map(nnx.Param, _initial(cell, rngs.params(), input_size, param_dtype)))

    @property
    def params(self) -> Params:
        """The parameters in the structure of the cell's, each an `nnx.Param`."""
        return self.weights

    def arrays(self) -> Params:
        """The parameters as `rnnx.unroll` and `rnnx.gradient_flow` take them: without `nnx.Param` around each array."""
        return jax.tree.map(nnx.Variable.get_value, self.weights, is_leaf=lambda node: isinstance(node, nnx.Variable))

    def __nnx_repr__(self) -> Iterator[Any]:
        """As of any module, but with the cell as the call that made it: Flax takes it apart, as a tuple."""
        for line in super().__nnx_repr__():
            if getattr(line, "key", None) == "cell":
                line = dataclasses.replace(line, value=repr(self.cell), use_raw_value=True)
            yield line

    def __call__(
        self,
        inputs: Array,
        *,
        initial_carry: State | None = None,
        seq_lengths: Array | None = None,
        mask: Array | None = None,
        return_carry: bool | None = None,
        time_major: bool | None = None,
        reverse: bool | None = None,
        engine: str | None = None,
        cell: Cell | None = None,
    ) -> Any:
        """Outputs `[B, T, Y]` of inputs `[B, T, I]`, or (final carry, outputs).

        Args:
          inputs: `[B, T, I]`, with any number of batch axes.
          initial_carry: s_0; the cell's initial state if not given.
          seq_lengths: `[B]` whole numbers.
          mask: `[B, T]` booleans (`[T, B]` if time-major), false at steps that are to be passed over, as in
            `rnnx.unroll`.
          return_carry, time_major, reverse, engine: instead of what the layer was made with.
          cell: one with the same parameters to be run instead, made around `layer.cell` with a key of this call:
            `rnnx.dropout`, `rnnx.zoneout`.

        Raises:
          ValueError: arguments whose shapes, types or structure do not fit together.
        """
        _check_inputs(inputs)
        if inputs.shape[-1] != self.input_size:
            raise ValueError(
                f"inputs must have {self.input_size} features, the layer's input_size, not {inputs.shape[-1]}."
            )
        return _run(
            self,
            (),
            self.cell if cell is None else cell,
            self.arrays(),
            inputs,
            initial_carry,
            seq_lengths,
            mask,
            dtype=self.dtype,
            return_carry=self.return_carry if return_carry is None else return_carry,
            time_major=self.time_major if time_major is None else time_major,
            reverse=self.reverse if reverse is None else reverse,
            engine=self.engine if engine is None else engine,
            remat=self.remat,
        )


class LinenRecurrent(linen.Module):
    """A cell over a sequence as a Linen layer: what `nn.RNN(nn.LSTMCell(H))` is, for any cell.

    The layer's variables are `{"params": {"weights": …}}`: the names of the cell's parameters, nested where they are.

    Attributes:
      cell: any cell; stacks and other combinations too.
      time_major: inputs are `[T, B, I]` and outputs `[T, B, Y]`.
      return_carry: return (final carry, outputs).
      reverse: run from the last step to the first.
      dtype, param_dtype: as for `NNXRecurrent`.
      engine, remat: as in `NNXRecurrent`.

    >>> import rnnx
    >>> layer = LinenRecurrent(rnnx.lstm(16), return_carry=True)
    >>> xs = jnp.ones((2, 10, 3))
    >>> variables = layer.init(jax.random.key(0), xs)
    >>> jax.tree.map(jnp.shape, variables["params"]["weights"])
    {'bias': (64,), 'input_kernel': (3, 64), 'recurrent_kernel': (16, 64)}
    >>> carry, ys = layer.apply(variables, xs, seq_lengths=jnp.array([10, 4]))
    >>> carry.c.shape, ys.shape
    ((2, 16), (2, 10, 16))
    """

    cell: Cell
    time_major: bool = False
    return_carry: bool = False
    reverse: bool = False
    dtype: Any = None
    param_dtype: Any = None
    engine: str = "auto"
    remat: str | int | None = None

    def __post_init__(self) -> None:
        check_engine(self.engine, self.remat)
        super().__post_init__()

    @linen.compact
    def __call__(
        self,
        inputs: Array,
        *,
        initial_carry: State | None = None,
        seq_lengths: Array | None = None,
        mask: Array | None = None,
        return_carry: bool | None = None,
        time_major: bool | None = None,
        reverse: bool | None = None,
        engine: str | None = None,
        cell: Cell | None = None,
    ) -> Any:
        """Outputs `[B, T, Y]` of inputs `[B, T, I]`, or (final carry, outputs); see `NNXRecurrent`."""
        _check_inputs(inputs)
        return _run(
            self,
            self.path,
            self.cell if cell is None else cell,
            self._params(inputs.shape[-1]),
            inputs,
            initial_carry,
            seq_lengths,
            mask,
            dtype=self.dtype,
            return_carry=self.return_carry if return_carry is None else return_carry,
            time_major=self.time_major if time_major is None else time_major,
            reverse=self.reverse if reverse is None else reverse,
            engine=self.engine if engine is None else engine,
            remat=self.remat,
        )

    def _params(self, input_size: int) -> Params:
        """The cell's parameters, which Linen is to see as nested dictionaries with names."""

        def init(key: Array) -> dict[str, Any]:
            params = _initial(self.cell, key, input_size, self.param_dtype)
            return traverse_util.unflatten_dict(named_leaves(params), sep=".")

        # All under one name, since a cell may have parameters called as an attribute of this class is (`cell`).
        named = traverse_util.flatten_dict(self.param("weights", init), sep=".")
        structure = jax.eval_shape(lambda: self.cell.init(jax.random.key(0), input_size))
        return jax.tree.unflatten(jax.tree.structure(structure), [named[name] for name in named_leaves(structure)])


def _initial(cell: Cell, key: Array, input_size: int, param_dtype: Any) -> Params:
    params = cell.init(key, input_size)
    return params if param_dtype is None else in_type(param_dtype, params)


def _run(
    layer: nnx.Module | linen.Module,
    path: tuple[str, ...],
    cell: Cell,
    params: Params,
    inputs: Array,
    initial_carry: State | None,
    seq_lengths: Array | None,
    mask: Array | None,
    *,
    dtype: Any,
    return_carry: bool,
    time_major: bool,
    reverse: bool,
    engine: str,
    remat: str | int | None,
) -> Any:
    xs = jnp.asarray(inputs) if time_major else jnp.moveaxis(inputs, -2, 0)
    mask = mask if time_major or mask is None else jnp.moveaxis(jnp.asarray(mask), -1, 0)
    params, xs = _of_one_type(dtype, (params, xs))
    if initial_carry is not None:
        like = jax.eval_shape(lambda: cell.initial_state(params, xs.shape[1:-1]))
        initial_carry = _carry_like(initial_carry, like)
    trajectory = run_layer(
        layer,
        path,
        cell,
        params,
        xs,
        initial_carry,
        lengths=seq_lengths,
        mask=mask,
        reverse=reverse,
        engine=engine,
        remat=remat,
    )
    outputs = trajectory.outputs if time_major else jnp.moveaxis(trajectory.outputs, 0, -2)
    return (trajectory.final_state, outputs) if return_carry else outputs


def _of_one_type(dtype: Any, given: Any) -> Any:
    """Parameters and inputs in the type asked for, or in the one that holds all of them."""
    if dtype is None:
        dtypes = [leaf.dtype for leaf in jax.tree.leaves(given) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        with jax.numpy_dtype_promotion("standard"):
            dtype = jnp.result_type(*dtypes)
    return in_type(dtype, given)


def _carry_like(carry: State, like: State) -> State:
    """A carry in the types that the cell's state has; one of another structure is left for `unroll` to refuse."""
    if jax.tree.structure(carry) != jax.tree.structure(like):  # type: ignore[operator]
        return carry
    return jax.tree.map(
        lambda s, like: in_type(like.dtype, jnp.asarray(s)) if jnp.issubdtype(like.dtype, jnp.floating) else s,
        carry,
        like,
    )


def _check_inputs(inputs: Array) -> None:
    if jnp.ndim(inputs) < 2:
        raise ValueError(f"inputs must be [B, T, I], or [T, B, I] if time_major, not {list(jnp.shape(inputs))}.")
