"""TensorBoard's HParams page, as its own backend answers it."""

from typing import NamedTuple

from tensorboard import context
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, get_experiment, list_session_groups
from tensorboard.plugins.hparams.backend_context import Context


class Row(NamedTuple):
    """A run."""

    name: str
    settings: dict
    metrics: dict
    status: str


class Page(NamedTuple):
    """What is to be seen of a directory."""

    columns: dict
    """Type by name, those that differ between runs first."""
    titles: list
    """What they are called."""
    domains: dict
    """Values by name, where they are to be ticked."""
    differing: list
    metrics: dict
    """Title by tag."""
    rows: list


def page(logdir, sort="final/heldout/loss", order=api_pb2.ORDER_ASC):
    """The page of all runs under a directory, sorted by a metric."""
    runs = EventMultiplexer().AddRunsFromDirectory(str(logdir))
    runs.Reload()
    backend = Context(TBContext(data_provider=MultiplexerDataProvider(runs, str(logdir))))
    of = (context.RequestContext(), backend, "")
    experiment = get_experiment.Handler(*of, api_pb2.GetExperimentRequest()).run()
    sorted_by = api_pb2.ColParams(metric=api_pb2.MetricName(tag=sort), order=order)
    request = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=api_pb2.Status.values(), slice_size=1000, col_params=[sorted_by]
    )
    groups = list_session_groups.Handler(*of, request).run().session_groups
    return Page(
        columns={one.name: api_pb2.DataType.Name(one.type) for one in experiment.hparam_infos},
        titles=[one.display_name for one in experiment.hparam_infos],
        domains={
            one.name: [getattr(value, value.WhichOneof("kind")) for value in one.domain_discrete.values]
            for one in experiment.hparam_infos
        },
        differing=[one.name for one in experiment.hparam_infos if one.differs],
        metrics={one.name.tag: one.display_name for one in experiment.metric_infos},
        rows=[_row(group) for group in groups],
    )


def _row(group):
    settings = {name: getattr(value, value.WhichOneof("kind")) for name, value in group.hparams.items()}
    metrics = {value.name.tag: value.value for value in group.metric_values}
    return Row(group.name, settings, metrics, api_pb2.Status.Name(group.sessions[0].status))
