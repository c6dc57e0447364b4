"""What TensorBoard's Images page shows of a trial: at which steps, and the picture of the gradient against lag.

That picture has the same axes in every trial and at every step, so that a slider shows the gradient grow or die, and
two trials can be held against each other. For the same reason it is cheap: what stays the same is drawn once.
"""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from experiments.config import Config
from rnnx.report import parts
from rnnx.report.figures._style import cell_color
from rnnx.report.figures.state_gradient import parts as parts_of_state
from rnnx.report.figures.state_gradient import relative
from rnnx.report.trial import Record
from rnnx.types import Example

MOST = 10
"""Pictures of a tag that TensorBoard shows of a run, unless it is told otherwise."""

_LOWEST, _HIGHEST = -10.0, 2.0
"""log10 of the gradient relative to that at lag 0: below, float32 is long at its end."""

_REACH = -2.0
"""1 % of the gradient: see `state_gradient/<part>/reach`."""

_LAG = "lag k (steps before the scored one)"

_DASHES = ("--", ":", "-.")
_COLORS = 32
"""Of a picture, which takes a quarter of the room then."""


def steps(config: Config) -> set[int]:
    """The training steps at which pictures are drawn: the first and last measurement, and some between, which come
    closer to each other the nearer they are to the start.

    They follow from the settings alone, so that trials of a study have the same, resumed or not.
    """
    count = -(-config.steps // config.measure_every)
    places = np.unique(np.geomspace(1, max(count, 1), MOST - 1).round().astype(int))
    return {0, *(min(int(place) * config.measure_every, config.steps) for place in places)}


class GradientPictures:
    """Pictures of the gradient against lag of one trial, one for each recurrent part of its model."""

    def __init__(self, name: str, config: Config, example: Example | None = None):
        """Of a trial by its name; what its example is decides what lag counts."""
        self._name, self._config = name, config
        self._lag = "depth k (levels below the root)" if example and example.kind == "tree" else _LAG
        self._canvases: dict[str, _Canvas] = {}

    def draw(self, record: Record, before: Record) -> Iterator[tuple[str, bytes]]:
        """Tag and PNG for each part that a record tells of, `before` being the one before training."""
        names = parts.names(record, "state_gradient")
        for part in names:
            now, first = (parts.of_part(values, part, names) for values in (record, before))
            if "state_gradient/state/log10_norm" not in now:
                continue
            if part not in self._canvases:
                title = ", ".join(filter(None, (self._name, part)))
                self._canvases[part] = _Canvas(title, self._config, first or now, self._lag)
            yield f"{parts.prefix(part)}state_gradient/against_lag", self._canvases[part].png(now)


class _Canvas:
    """A figure whose axes, title, legend and curves before training are drawn once, and the rest anew each time."""

    def __init__(self, title: str, config: Config, first: dict[str, Any], lag: str):
        self._length = len(first["state_gradient/state/log10_norm"])
        made = Figure(figsize=(8, 5), dpi=100)
        self._canvas = FigureCanvasAgg(made)
        self._axes = axes = made.add_axes((0.09, 0.11, 0.89, 0.81))
        color = cell_color(config.cell.name)
        axes.set(
            xlim=(0, max(self._length - 1, 1)),
            ylim=(_LOWEST, _HIGHEST),
            xlabel=lag,
            ylabel="log$_{10}$  ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖",
        )
        axes.set_title(title, loc="left", fontsize=11)
        axes.grid(alpha=0.3)
        axes.axhline(0, color="0.35", linewidth=1.0)
        axes.axhline(_REACH, color="0.35", linewidth=1.0, linestyle=(0, (6, 4)), label="1 % left: the reach")
        whole = relative(first, self._length)
        axes.plot(_finite(whole), color="0.45", linewidth=1.6, linestyle=(0, (1, 1.5)), label="before training")
        self._band = axes.fill([], [], color=color, alpha=0.2, linewidth=0, label="quartiles over examples")[0]
        self._lines = {"state": axes.plot([], [], color=color, linewidth=2.0, label="now, the whole state")[0]}
        inner = parts_of_state(first)
        for part, dashes in zip(inner if len(inner) > 1 else [], _DASHES, strict=False):
            line = axes.plot([], [], color=color, linewidth=1.3, linestyle=dashes, label=f"now, {part} alone")[0]
            self._lines[part] = line
        self._zeros = axes.plot([], [], "x", color=color, clip_on=False)[0]
        self._zero = axes.text(0.99, 0.02, "", transform=axes.transAxes, ha="right", va="bottom", fontsize=9)
        self._step = axes.text(1, 1.015, "", transform=axes.transAxes, ha="right", va="bottom", fontsize=11)
        axes.legend(loc="lower left", fontsize=9)
        self._moving: list[Artist] = [self._band, *self._lines.values(), self._zeros, self._zero, self._step]
        for artist in self._moving:
            artist.set_animated(True)  # so that `draw` leaves it out
        self._canvas.draw()
        self._fixed = self._canvas.copy_from_bbox(made.bbox)

    def png(self, record: dict[str, Any]) -> bytes:
        """The bytes of a PNG file."""
        lag = np.arange(self._length)
        for part, line in self._lines.items():
            line.set_data(lag, _finite(relative(record, self._length, part)))
        self._band.set_xy(self._quartiles(record, lag))
        zero = lag[np.isneginf(relative(record, self._length))]
        self._zeros.set_data(zero, np.full(len(zero), _LOWEST))
        self._zero.set_text("×: exactly zero" if len(zero) else "")
        self._step.set_text(f"step {record['step']}")
        self._canvas.restore_region(self._fixed)
        for artist in self._moving:
            self._axes.draw_artist(artist)
        picture = Image.frombuffer("RGBA", self._canvas.get_width_height(), self._canvas.buffer_rgba())
        buffer = io.BytesIO()
        picture.convert("RGB").quantize(_COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
            buffer, "png"
        )
        return buffer.getvalue()

    def _quartiles(self, record: dict[str, Any], lag: np.ndarray) -> np.ndarray:
        """The outline of the band, `[N, 2]`; what is not finite is left out."""
        tag = "state_gradient/state/log10_norm"
        low, high = (np.asarray(record.get(f"{tag}_{q}", []), float)[: self._length] for q in ("q25", "q75"))
        if len(low) != self._length or len(high) != self._length:
            return np.empty((0, 2))
        with np.errstate(invalid="ignore"):  # -inf less -inf, where the gradient at lag 0 is exactly zero
            low, high = low - record[tag][0], high - record[tag][0]
        known = np.isfinite(low) & np.isfinite(high)
        x = lag[known]
        return np.stack([np.concatenate([x, x[::-1]]), np.concatenate([low[known], high[known][::-1]])], axis=1)


def _finite(curve: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(curve), curve, np.nan)
