"""Writing by models that have a `decoder`: by chance (`sample`, `write`), by score (`beam_search`), or by the likeliest
token each time to a whole split of data (`greedy`)."""

from rnnx.decoding.beam import Beams, beam_search
from rnnx.decoding.greedy import greedy
from rnnx.decoding.sampling import filtered_logits, sample, write

__all__ = ["Beams", "beam_search", "filtered_logits", "greedy", "sample", "write"]
