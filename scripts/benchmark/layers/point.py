"""One size at which libraries are compared."""

from typing import NamedTuple

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
PASSES = ("forward", "backward")
"""`backward` is forward and backward: the loss, ∂L/∂x and the gradient of all weights."""


class Point(NamedTuple):
    """A cell and its sizes; I = H, so that layers can be stacked."""

    cell: str
    hidden: int
    batch: int
    layers: int
    steps: int

    @property
    def name(self) -> str:
        """For people and for finding it again.

        >>> Point("lstm", hidden=128, batch=32, layers=1, steps=128).name
        'lstm H128 B32 L1 T128'
        """
        return f"{self.cell} H{self.hidden} B{self.batch} L{self.layers} T{self.steps}"

    def flops(self, which: str) -> float:
        """Floating-point operations of the matrix products alone.

        Forward, each layer and step multiplies x_t and h_{t-1}, [B, H] both, by [H, G] kernels; backward, each of these
        two products has two of the same size, for its factors' gradients.
        """
        G = GATES[self.cell] * self.hidden
        forward = self.layers * self.steps * 2 * (2 * self.batch * self.hidden * G)
        return float({"forward": forward, "backward": 3 * forward}[which])
