"""Writing by models that have a `decoder`: by chance (`sample`, `write`) or by score (`beam_search`)."""

from rnnx.decoding.beam import Beams, beam_search
from rnnx.decoding.sampling import filtered_logits, sample, write

__all__ = ["Beams", "beam_search", "filtered_logits", "sample", "write"]
