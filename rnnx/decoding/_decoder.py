"""The decoder of a model that is given as a graph definition and parameters."""

from flax import nnx

from rnnx.types import Batch, Decoder, Params, Run


def graph_of(model: nnx.Module | nnx.GraphDef) -> nnx.GraphDef:
    """The graph definition of a model, or the one that is given."""
    return model if isinstance(model, nnx.GraphDef) else nnx.graphdef(model)


def decoder_of(graphdef: nnx.GraphDef, params: Params, batch: Batch, run: Run) -> Decoder:
    """What writes after a batch.

    Raises:
      ValueError: the model does not write, or nothing after this batch.
    """
    model = nnx.merge(graphdef, params)
    if not hasattr(model, "decoder"):
        raise ValueError(f"the model {type(model).__name__} writes nothing: it has no `decoder`.")
    return model.decoder(batch, run)
