"""Captions of emoji, and of pictures of one's own."""

import jax
import numpy as np
import pytest
from PIL import Image

from rnnx import data
from rnnx.tasks.images import emoji as of_emoji
from rnnx.tasks.images.emoji import emoji, part_of, part_of_own, words_of
from tests.helpers import at_hand, compiled

pytestmark = pytest.mark.xdist_group("emoji")


@pytest.fixture(scope="module")
def task():
    found = at_hand.task("emoji")
    if found is None:
        pytest.skip("its data is neither in RNNX_DATA_DIR nor in the cache")
    return found


def names(count, part):
    """Names of pictures that belong to a part."""
    found = (f"{n}.png" for n in range(10_000) if part_of_own(f"{n}.png") == part)
    return [next(found) for _ in range(count)]


@pytest.fixture
def own(tmp_path):
    """Ten pictures to train on, two held out and three to test on, each of one grey."""
    listed = ["image,caption"]
    for part, count in (("train", 10), ("heldout", 2), ("test", 3)):
        for n, name in enumerate(names(count, part)):
            Image.new("L", (9, 9), 10 * n).save(tmp_path / name)
            listed.append(f"{name},{part} number {n}")
    path = tmp_path / "captions.csv"
    path.write_text("\n".join(listed))
    return path


def test_no_pair_of_a_split_is_trained_on_and_no_base_of_bases(task):
    pictures = of_emoji._emoji()
    parts = {name: [] for name in ("train", "heldout", "pairs", "bases")}
    for base, tone in zip(pictures.bases, pictures.tones, strict=True):
        parts[part_of(base, tone)].append((base, tone))
    assert [len(of) for of in parts.values()] == [3046, 76, 234, 430]
    trained = {base for base, _ in parts["train"]}
    tones = {tone for _, tone in parts["train"]}
    for name in ("heldout", "pairs"):
        assert all(base in trained and tone in tones and tone for base, tone in parts[name])
    assert not trained & {base for base, _ in parts["bases"]}


def test_words_of_the_pairs_are_all_trained_on(task):
    pictures = of_emoji._emoji()
    words = {"train": set(), "pairs": set(), "heldout": set(), "bases": set()}
    for caption, base, tone in zip(pictures.captions, pictures.bases, pictures.tones, strict=True):
        words[part_of(base, tone)] |= set(words_of(caption))
    assert words["pairs"] | words["heldout"] <= words["train"]
    assert words["bases"] - words["train"]


def test_a_batch_is_a_drawing_with_its_name(task):
    pictures = of_emoji._emoji()
    batch = jax.device_get(compiled.sample(task.sample, jax.random.key(0), 6, 8))
    assert batch.targets.shape == (8, 6)
    assert batch.inputs.target_lengths.max() <= 8
    for n, one in enumerate(task.decoding.shown(batch, [[]] * 6)):
        drawing = np.rint(255 * batch.inputs.image[0, n]).astype(np.uint8)
        (which,) = np.flatnonzero((pictures.pixels == drawing).all(axis=(1, 2, 3)))
        assert one.target == " ".join(words_of(pictures.captions[which]))
        assert part_of(pictures.bases[which], pictures.tones[which]) == "train"
    with pytest.raises(ValueError, match=r"^length of captions must be a whole number of at least 6, not 5\.$"):
        task.sample(jax.random.key(0), 4, 5)


def test_both_splits_are_written_to_and_scored(task):
    asked = sum(batch.weights.shape[1] for batch in task.decoding.batches(100))
    assert asked == 234 + 430
    numbers, records = task.decoding.score([[]] * asked)
    assert {"exact_pairs", "exact_bases", "bleu4_pairs", "bleu1_bases"} <= numbers.keys()
    assert [record["split"] for record in records] == ["pairs"] * 234 + ["bases"] * 430
    assert records[0]["input"].endswith(".png")
    assert task.data == {
        "pictures": "emoji",
        "sha256": data.sources("emoji")[0].sha256,
        "split": "by hashes of base and tone",
        "words": "1820",
    }


def test_pictures_of_ones_own_are_divided_by_their_names(own):
    made = emoji(path=str(own))
    drawn = {
        name: {one.target for one in made.decoding.shown(batch, [[]] * 40)}
        for name, batch in (
            ("train", compiled.sample(made.sample, jax.random.key(0), 40, 4)),
            ("heldout", compiled.sample(made.sample_heldout, jax.random.key(0), 40, 4)),
        )
    }
    assert drawn["train"] == {f"train number {n}" for n in range(10)}
    assert drawn["heldout"] == {f"heldout number {n}" for n in range(2)}
    numbers, records = made.decoding.score([[]] * 3)
    assert numbers["exact_test"] == 0
    assert [record["targets"] for record in records] == [[f"test number {n}"] for n in range(3)]
    assert made.data["path"] == str(own)


def test_too_few_pictures_to_be_divided_are_told(own):
    lines = own.read_text().split("\n")
    for part, told in (("train", "train on"), ("heldout", "hold out"), ("test", "test on")):
        own.write_text("\n".join(line for line in lines if f",{part} " not in line))
        with pytest.raises(ValueError, match=rf"captions\.csv has too few pictures: of \d+ there is none to {told}\.$"):
            emoji(path=str(own))
