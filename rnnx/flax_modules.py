"""Any cell as a layer of someone's own Flax model, NNX or Linen: `from rnnx.flax_modules import NNXRecurrent`.

Batch-major, `[B, T, I]` to `[B, T, Y]`, as Flax users expect, with the arguments of `flax.nnx.RNN`. Where it differs:

- the carry is the cell's state, a named tuple such as `LSTMState(h, c)`; Flax's LSTM has the tuple (c, h);
- outputs past `seq_lengths` are zero, and neither gradient nor NaN comes out of there; a length may be 0;
- with `reverse`, outputs stay in the order of the inputs, which Flax calls `keep_order=True`.

It is to be imported by itself: `import rnnx` needs no Flax.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen, nnx, traverse_util

from rnnx import checks
from rnnx.parts import parts
from rnnx.types import Array, Cell, Params, State
from rnnx.unroll import unroll


class NNXRecurrent(nnx.Module):
    """A cell over a sequence as an NNX layer: what `nnx.RNN(nnx.LSTMCell(I, H, rngs=rngs))` is, for any cell.

    `layer.params` has the structure of the cell's parameters, and every array in it is an `nnx.Param`.

    Args:
      cell: any cell; stacks and other combinations too.
      input_size: I.
      time_major: inputs are `[T, B, I]` and outputs `[T, B, Y]`.
      return_carry: return (final carry, outputs).
      reverse: run from the last step to the first.
      rngs: the parameters are drawn from its stream `params`.

    Raises:
      ValueError: an input size that is not a positive whole number.

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
        rngs: nnx.Rngs,
    ):
        self.cell = cell
        self.input_size = checks.size("input_size", input_size)
        self.time_major = time_major
        self.return_carry = return_carry
        self.reverse = reverse
        self.params = nnx.data(jax.tree.map(nnx.Param, cell.init(rngs.params(), input_size)))

    def arrays(self) -> Params:
        """The parameters as `rnnx.unroll` and `rnnx.gradient_flow` take them: without `nnx.Param` around each array."""
        return jax.tree.map(nnx.Variable.get_value, self.params, is_leaf=lambda node: isinstance(node, nnx.Variable))

    def __call__(
        self,
        inputs: Array,
        *,
        initial_carry: State | None = None,
        seq_lengths: Array | None = None,
        return_carry: bool | None = None,
        time_major: bool | None = None,
        reverse: bool | None = None,
        cell: Cell | None = None,
    ) -> Any:
        """Outputs `[B, T, Y]` of inputs `[B, T, I]`, or (final carry, outputs).

        Args:
          inputs: `[B, T, I]`, with any number of batch axes.
          initial_carry: s_0; the cell's initial state if not given.
          seq_lengths: `[B]` whole numbers.
          return_carry, time_major, reverse: instead of what the layer was made with.
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
            self.cell if cell is None else cell,
            self.arrays(),
            inputs,
            initial_carry,
            seq_lengths,
            return_carry=self.return_carry if return_carry is None else return_carry,
            time_major=self.time_major if time_major is None else time_major,
            reverse=self.reverse if reverse is None else reverse,
        )


class LinenRecurrent(linen.Module):
    """A cell over a sequence as a Linen layer: what `nn.RNN(nn.LSTMCell(H))` is, for any cell.

    The layer's variables are `{"params": {"weights": …}}`: the names of the cell's parameters, nested where they are.

    Attributes:
      cell: any cell; stacks and other combinations too.
      time_major: inputs are `[T, B, I]` and outputs `[T, B, Y]`.
      return_carry: return (final carry, outputs).
      reverse: run from the last step to the first.

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

    @linen.compact
    def __call__(
        self,
        inputs: Array,
        *,
        initial_carry: State | None = None,
        seq_lengths: Array | None = None,
        return_carry: bool | None = None,
        time_major: bool | None = None,
        reverse: bool | None = None,
        cell: Cell | None = None,
    ) -> Any:
        """Outputs `[B, T, Y]` of inputs `[B, T, I]`, or (final carry, outputs); see `NNXRecurrent`."""
        _check_inputs(inputs)
        return _run(
            self.cell if cell is None else cell,
            self._params(inputs.shape[-1]),
            inputs,
            initial_carry,
            seq_lengths,
            return_carry=self.return_carry if return_carry is None else return_carry,
            time_major=self.time_major if time_major is None else time_major,
            reverse=self.reverse if reverse is None else reverse,
        )

    def _params(self, input_size: int) -> Params:
        """The cell's parameters, which Linen is to see as nested dictionaries with names."""

        def init(key: Array) -> dict[str, Any]:
            return traverse_util.unflatten_dict(parts(self.cell.init(key, input_size)), sep=".")

        # All under one name, since a cell may have parameters called as an attribute of this class is (`cell`).
        named = traverse_util.flatten_dict(self.param("weights", init), sep=".")
        structure = jax.eval_shape(lambda: self.cell.init(jax.random.key(0), input_size))
        return jax.tree.unflatten(jax.tree.structure(structure), [named[name] for name in parts(structure)])


def _run(
    cell: Cell,
    params: Params,
    inputs: Array,
    initial_carry: State | None,
    seq_lengths: Array | None,
    *,
    return_carry: bool,
    time_major: bool,
    reverse: bool,
) -> Any:
    xs = inputs if time_major else jnp.moveaxis(inputs, -2, 0)
    trajectory = unroll(cell, params, xs, initial_carry, lengths=seq_lengths, reverse=reverse)
    outputs = trajectory.outputs if time_major else jnp.moveaxis(trajectory.outputs, 0, -2)
    return (trajectory.final_state, outputs) if return_carry else outputs


def _check_inputs(inputs: Array) -> None:
    if jnp.ndim(inputs) < 2:
        raise ValueError(f"inputs must be [B, T, I], or [T, B, I] if time_major, not {list(jnp.shape(inputs))}.")
