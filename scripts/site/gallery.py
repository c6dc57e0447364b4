"""The gallery's pictures: every diagnostic of two networks of a kind, one of which keeps its gradient and one loses it.

`docs/gallery.md` says what each is for; `<!-- picture: name -->` there is where the pictures go.
"""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import rnnx
from rnnx.combinators.attention import AttentionParams, attended
from rnnx.logbook.jsonl import plain
from rnnx.report import figures
from rnnx.types import Cell
from scripts.site.pictures import svg

Record = dict[str, Any]

LENGTH, EXAMPLES, INPUTS, UNITS = 60, 16, 3, 16

PLAIN = {
    "healthy": rnnx.rnn(UNITS, recurrent_initializer="orthogonal(1.05)"),
    "vanishing": rnnx.rnn(UNITS, recurrent_initializer="orthogonal(0.7)"),
}
GATED = {
    "healthy": rnnx.lstm(UNITS, forget_bias=4.0),
    "vanishing": rnnx.lstm(UNITS, forget_bias=0.0),
}
ATTENDING = {network: rnnx.attention(cell, UNITS, score="dot") for network, cell in PLAIN.items()}
OF_OTHERS = {"gates": GATED, "paths": GATED, "attention": ATTENDING}
"""Diagnostics that a plain network has nothing for."""


def networks(name: str) -> dict[str, Cell]:
    """The two that a diagnostic is shown of."""
    return OF_OTHERS.get(name, PLAIN)


def records(pair: dict[str, Cell], names: Iterable[str]) -> dict[str, Record]:
    """What the diagnostics say of each network on the same random inputs; of the loss at the last step, untrained."""
    names = tuple(names)
    cell = next(iter(pair.values()))
    xs = 0.3 * jax.random.normal(jax.random.key(1), (LENGTH, EXAMPLES, INPUTS))

    @jax.jit  # the two differ in their initial values alone, so that one program serves both
    def measure(params: Any) -> dict[str, Any]:
        flow = rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.mean(ys[-1] ** 2))
        return rnnx.diagnostics.measured(names, {"cell": flow})

    def given(network: str) -> Any:
        params = pair[network].init(jax.random.key(0), INPUTS)
        if not isinstance(params, AttentionParams):
            return params
        asking = params._replace(query_kernel=(8 if network == "healthy" else 0.2) * params.query_kernel)
        return attended(asking, 0.5 * jax.random.normal(jax.random.key(2), (20, EXAMPLES, UNITS)))

    of = {network: measure(given(network)) for network in pair}
    return {
        network: {"step": 0} | {tag: plain(value) for tag, value in values.items()} for network, values in of.items()
    }


def pictures() -> dict[str, str]:
    """HTML by the name of the diagnostic: the two networks beside each other."""
    made = {}
    for pair in (PLAIN, GATED, ATTENDING):
        names = [name for name in rnnx.diagnostics.names() if networks(name) is pair]
        of = records(pair, names)
        for name in names:
            drawn = {network: draw(name, record, network) for network, record in of.items()}
            with_same_axes(*drawn.values())
            wide = any(len(_panels(figure)) > 1 for figure in drawn.values())
            if not wide:
                for figure in drawn.values():
                    figure.set_size_inches(5.0, 3.4)  # two stand beside each other, and are to be read
            shown = "\n".join(svg(figure, f"{name} of a {network} network") for network, figure in drawn.items())
            made[name] = f'<div class="pair{" wide" if wide else ""}">\n{shown}\n</div>'
    return made


def draw(name: str, record: Record, title: str) -> Figure:
    """The picture that `experiments.analyze` makes of a trial."""
    return next(figures.pictures(name, record, title)).figure


def with_same_axes(one: Figure, other: Figure) -> None:
    """Both pictures get limits that hold what either of them shows."""
    for panel, beside in zip(_panels(one), _panels(other), strict=False):
        for of in "xy":
            limits = np.array([getattr(axes, f"get_{of}lim")() for axes in (panel, beside)])
            falls = limits[0, 0] > limits[0, 1]
            widest = (limits.max(), limits.min()) if falls else (limits.min(), limits.max())
            for axes in (panel, beside):
                getattr(axes, f"set_{of}lim")(*widest)


def _panels(figure: Figure) -> list[Axes]:
    """The axes without colour bars."""
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
