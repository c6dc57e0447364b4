"""Writing by models that have a `decoder`: by chance (`sample`, `write`), by score (`beam_search`), or by the likeliest
token each time to a whole split of data (`greedy`); frames of music by chance (`sample_frames`). Of networks trained by
CTC: `ctc_greedy`, `ctc_beam_search`."""

from rnnx.decoding.beam import Beams, beam_search
from rnnx.decoding.ctc import ctc_beam_search, ctc_greedy
from rnnx.decoding.frames import sample_frames
from rnnx.decoding.greedy import greedy
from rnnx.decoding.sampling import filtered_logits, sample, write

__all__ = [
    "Beams",
    "beam_search",
    "ctc_beam_search",
    "ctc_greedy",
    "filtered_logits",
    "greedy",
    "sample",
    "sample_frames",
    "write",
]
