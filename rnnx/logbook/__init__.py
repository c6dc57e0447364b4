"""What a run leaves on disk: `metrics.jsonl` (the record), TensorBoard events (the view), checkpoints.

The only imports of tensorboardX and orbax in rnnx are in this folder.
"""

from rnnx.logbook.checkpoints import Checkpoints
from rnnx.logbook.jsonl import MetricsFile, read_metrics
from rnnx.logbook.projector import write_embedding
from rnnx.logbook.tensorboard import TensorBoard

__all__ = ["Checkpoints", "MetricsFile", "TensorBoard", "read_metrics", "write_embedding"]
