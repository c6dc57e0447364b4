"""What TensorBoard finds in the directory of a run."""

from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util


def read(directory):
    """All events of a run as they are in its files: pictures, histograms, texts."""
    sizes = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
    return EventAccumulator(str(directory), size_guidance=sizes).Reload()


def numbers(directory):
    """`{tag: [(step, value), …]}` of a run, as TensorBoard has them for its pages: without those declared void."""
    found = plugin_event_accumulator.EventAccumulator(str(directory), size_guidance={"tensors": 0}).Reload()
    return {
        tag: [(event.step, tensor_util.make_ndarray(event.tensor_proto).item()) for event in found.Tensors(tag)]
        for tag in found.PluginTagToContent("scalars")
        if tag in found.Tags()["tensors"]
    }


def steps(directory, tag):
    """Those at which a tag has a number."""
    return [step for step, _ in numbers(directory).get(tag, [])]
