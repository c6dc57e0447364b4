"""What the Projector page reads, read by TensorBoard's own plugin."""

import numpy as np
import pytest
from google.protobuf import text_format
from tensorboard.plugins.projector import ProjectorConfig
from tensorboard.plugins.projector.projector_plugin import _read_tensor_tsv_file

from rnnx.logbook import write_embedding


def test_vectors_and_labels_are_found_through_the_config(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(6, 3))
    write_embedding(tmp_path, "states", vectors, {"step": range(6), "label": list("abcabc")})
    write_embedding(tmp_path, "states", vectors, {"step": range(6), "label": list("abcabc")})
    write_embedding(tmp_path, "others", vectors[:2], {"step": [0, 1], "a\tb": ["x\ny", "z"]})
    config = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    others, states = config.embeddings
    assert (states.tensor_name, others.tensor_name) == ("states", "others")
    # Written with all digits of the type.
    np.testing.assert_array_equal(_read_tensor_tsv_file(str(tmp_path / states.tensor_path)), vectors.astype(np.float32))
    rows = (tmp_path / states.metadata_path).read_text().splitlines()
    assert rows[:2] == ["step\tlabel", "0\ta"]
    assert len(rows) == 7
    assert (tmp_path / others.metadata_path).read_text().splitlines()[:2] == ["step\ta b", "0\tx y"]


def test_points_of_a_path_lead_to_each_other_in_their_order(tmp_path):
    write_embedding(tmp_path, "paths", np.eye(5), {"step": range(5), "label": list("abaab")}, paths=list("abaab"))
    rows = (tmp_path / "projector" / "paths" / "labels.tsv").read_text().splitlines()
    assert rows[0] == "step\tlabel\t__seq_next__"
    assert [row.split("\t")[-1] for row in rows[1:]] == ["2", "4", "3", "", ""]


@pytest.mark.parametrize(
    ("count", "labels", "message"),
    [
        (3, {"step": [0, 1], "label": [0, 1, 2]}, r"labels\['step'\] must hold 3 values, one a vector, not 2\."),
        (10_001, {"step": range(10_001), "label": range(10_001)}, "at most 10000, not 10001"),
    ],
)
def test_mistakes_are_named(tmp_path, count, labels, message):
    with pytest.raises(ValueError, match=message):
        write_embedding(tmp_path, "states", np.zeros((count, 2)), labels)
    assert not list(tmp_path.iterdir())
