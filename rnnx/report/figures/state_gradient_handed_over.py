"""The gradient on its whole way: from the last step of a decoder to the first of the encoder that it began from."""

import numpy as np
from matplotlib.figure import Figure

from rnnx.report import words
from rnnx.report.figures import _style, _titles
from rnnx.report.study import Group, Study, longest, with_tag
from rnnx.report.trial import Trial, curve

TITLE = "From the decoder into the encoder"

CAPTION = """
The norm of &part;L/&part;s over that at the last step of the decoder, where the loss is, back over the decoder (left of
the dotted line) and on into the encoder, from its last step to its first. Without attention all of it comes through the
one state that is handed over; with attention it comes to every step of the encoder by itself as well. At each lag it is
the median of the examples that are long enough: of examples of several lengths the encoder is nearer to the loss than
the longest decoder is long, and a curve may begin higher on the right than it ended on the left. Axes end at
10<sup>&minus;10</sup>; the dashed line is 1&nbsp;%.
"""

ORDER = 12

_TAG = "state_gradient/state/log10_norm"
_LOWEST, _HIGHEST = -10.0, 3.0


def draw(study: Study, task: str) -> Figure | None:
    """Before and after training, at the longest length, of networks that have these two parts."""
    groups = longest(with_tag(study.groups_of(task), _TAG))
    networks = {
        words.without_part(decoder.variant): (decoder, encoder)
        for decoder in groups
        for encoder in groups
        if (_part(decoder), _part(encoder)) == ("decoder", "encoder")
        and _is_handed_a_state(decoder)
        and words.without_part(decoder.variant) == words.without_part(encoder.variant)
    }
    if not networks:
        return None
    styles = _style.variant_styles(study)
    lines = {name: styles[decoder.variant] for name, (decoder, _) in networks.items()}
    length = groups[0].length
    shown = [decoder for decoder, _ in networks.values()]
    title = _titles.title(f"{task}, T = {length}: the gradient from the last step of the decoder on", shown)
    made, panels = _style.grid(title, 1, 2, row_height=3.8, sharey=True)
    for axes, (stage, label) in zip(panels[0], _titles.stage_labels(shown).items(), strict=True):
        _style.reference(axes, -2.0, "--")
        axes.axvline(length - 0.5, color="0.35", linewidth=1.0, linestyle=":")
        for name, parts in networks.items():
            curves = np.array([_way(*both, stage) for both in _of_seeds(*parts)])
            _style.seeds(axes, np.arange(2 * length), curves, lines[name])
        axes.set(title=label, xlabel="steps back: of the decoder, then of the encoder", ylim=(_LOWEST, _HIGHEST))
    panels[0, 0].set_ylabel("log$_{10}$  ‖∂L/∂s‖ / ‖∂L/∂s$^{dec}_T$‖")
    _style.label_ends(panels[:, -1], lines)
    _style.legend(made, lines, {"1 % left": "--", "handed over": ":"})
    return made


def _part(group: Group) -> str:
    return str(group.trials[0].settings.get("part", ""))


def _is_handed_a_state(decoder: Group) -> bool:
    """Whether the decoder begins in a state that it is given; unlike that of `da_rnn`, which looks at its encoder."""
    graph = decoder.trials[0].graph
    return graph is None or bool(graph.sources("decoder", "state"))


def _of_seeds(decoder: Group, encoder: Group) -> list[tuple[Trial, Trial]]:
    """Both parts of each trial."""
    by_name = {trial.name: trial for trial in encoder.trials}
    return [(trial, by_name[trial.name]) for trial in decoder.trials if trial.name in by_name]


def _way(decoder: Trial, encoder: Trial, stage: str) -> np.ndarray:
    """log10 of the gradient against the steps back, `[2 T]`, over that at the last step of the decoder."""
    records = [getattr(trial, stage) for trial in (decoder, encoder)]
    written, read = (curve(record, _TAG, decoder.length) for record in records)
    return np.concatenate([written, read]) - written[0]
