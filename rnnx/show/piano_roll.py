"""Music, as which keys sound when."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from rnnx.keyboard import Keyboard, changes
from rnnx.show._measured import new_axes

_GIVEN, _PLAYED = "0.65", "black"


def piano_roll(roll: np.ndarray, keyboard: Keyboard, *, given: int = 0, ax: Axes | None = None) -> Axes:
    """Draw which keys sound when.

    A key that sounds in several frames one after another is one bar.

    Args:
      roll: `[frames, keys]`, booleans.
      keyboard: what the entries stand for, and how long a frame is.
      given: how many frames at the beginning were not played by a network: they are grey.
      ax: axes to draw on; those of a new figure if not given.

    Returns:
      The axes.

    >>> axes = piano_roll(np.eye(16, 88, 40), Keyboard(), given=4)
    >>> axes.get_xlabel()
    'time (quarter notes)'
    """
    roll = np.asarray(roll, bool)
    axes = new_axes(ax)
    # A note is cut where what was given ends, so that each part has its colour.
    for part, start, color in ((roll[:given], 0, _GIVEN), (roll[given:], given, _PLAYED)):
        edges = changes(part)
        for key in np.flatnonzero(part.any(axis=0)):
            begins, ends = (np.flatnonzero(edges[:, key] == sign) for sign in (1, -1))
            bars = np.stack([begins + start, ends - begins], axis=-1) * keyboard.quarters
            axes.broken_barh(bars.tolist(), (key - 0.4, 0.8), facecolors=color, linewidth=0)
    keys, octaves = keyboard.view(np.flatnonzero(roll.any(axis=0)).tolist())
    axes.set_yticks(list(octaves), list(octaves.values()))
    axes.set(ylim=(keys[0] - 0.5, keys[-1] + 0.5), xlim=(0, max(len(roll), 1) * keyboard.quarters))
    axes.set(xlabel="time (quarter notes)", ylabel="key")
    axes.grid(axis="both", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    if 0 < given < len(roll):
        axes.axvline(given * keyboard.quarters, color="black", linestyle="--", linewidth=1)
        axes.legend(
            handles=[Patch(color=_GIVEN, label="given"), Patch(color=_PLAYED, label="played by the network")],
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=2,
            frameon=False,
            borderaxespad=0.2,
        )
    return axes
