import pytest

from scripts.benchmark.layers import ratios
from tests.benchmark import records


def test_ratio_is_the_others_time_over_rnnx():
    record = records.small()
    assert ratios.ratio(record["points"][0], "torch", "forward", over="rnnx").value == 2
    assert ratios.ratio(record["points"][1], "torch", "backward", over="rnnx").value == 0.5
    assert ratios.ratio(record["points"][1], "flax", "forward", over="rnnx") is None


def test_geometric_mean_and_worst_case():
    record = records.small()
    columns = ratios.columns(record)
    torch = ratios.summarize(columns["torch"](entry, "forward") for entry in record["points"])
    # √(2 · ½) = 1, whichever library is divided by the other.
    assert torch.geometric_mean == pytest.approx(1, rel=1e-15)
    assert torch.worst.point.name == "gru H32 B8 L1 T100"
    assert torch.worst.value == 0.5


def test_the_best_on_jax_is_chosen_point_by_point_and_is_never_torch():
    record = records.small()
    best = ratios.columns(record)["best on JAX"]
    assert best(record["points"][0], "forward")[1:] == (3.0, "flax")
    assert best(record["points"][0], "backward")[1:] == (2.0, "haiku")
    assert best(record["points"][1], "backward")[1:] == (1.2, "haiku")


def test_nothing_to_summarize():
    assert ratios.summarize([None, None]) is None


def test_other_engines_are_compared_with_rnnx_but_are_no_peers():
    record = records.small()
    record["contestants"] = {"rnnx/scan": records.about(), **record["contestants"]}
    assert ratios.base(record) == "rnnx"
    assert ratios.peers(record) == ["flax", "haiku", "torch"]
    del record["contestants"]["rnnx"]
    assert ratios.base(record) == "rnnx/scan"
