"""What the model of a trial writes to a source, from its directory alone."""

import functools
import re

import jax
import numpy as np
import pytest

from experiments import build, config
from experiments.analysis import translating, writing
from experiments.analysis.translating import Search, Translator
from experiments.config import ConfigError
from rnnx import decoding
from rnnx.logbook import Checkpoints, files
from rnnx.logbook.run_directory import CHECKPOINTS, CONFIG, VOCABULARY
from rnnx.tasks.language.pronunciation import pronunciation
from rnnx.training.program import split
from rnnx.unroll import plain_run
from tests.experiments import study_small
from tests.experiments.commands import run

pytestmark = pytest.mark.xdist_group("generate to sources")  # what writes is compiled once

PAIRS = """Ein Hund läuft.\tA dog runs.
Ein Hund schläft.\tA dog sleeps.
Ein Kind rollt.\tA child rolls.
Die Katze läuft.\tThe cat runs.
Ein Kind singt.\tA child sings.
Die Frau lacht laut.\tThe woman laughs out loud.
Der Hund schläft.\tThe dog sleeps.
"""
DICTIONARY = "banana B AH0 N\nhebe HH IY1 B\nschool S K UW1 L\nand AH0 N D\n"


def parsed(name, **options):
    given = study_small.get_config()
    given.cell.name, given.model.attention = "gru", "dot"
    given.task.name = name
    given.task.update(options)
    return config.parse(given)


@functools.cache
def made(of):
    """The model and its parameters, not so small that it says the same each time."""
    graphdef = jax.eval_shape(lambda: split(build.model(of), jax.random.key(1)))[0]
    params = jax.jit(lambda: split(build.model(of), jax.random.key(1))[1])()
    return graphdef, jax.tree.map(lambda leaf: 4 * leaf, params)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """What a trial on pairs leaves there that is needed; the pairs are gone."""
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "pairs.tsv").write_text(PAIRS, encoding="utf-8")
    of = parsed("translation", path=str(folder / "pairs.tsv"), min_count=1)
    files.write_json(folder / CONFIG, {"config": of.to_dict()})
    files.write_json(folder / VOCABULARY, build.task(of).pair_vocabulary.to_dict())
    Checkpoints(folder / CHECKPOINTS).save(20, {"params": made(of)[1]})
    (folder / "pairs.tsv").unlink()
    return folder


@functools.cache
def untrained(name):
    """A model of a task whose data is made up."""
    of = parsed(name)
    return Translator(*made(of), build.task(of).pair_vocabulary, plain_run)


def text_of(*arguments):
    done = run("generate", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_line_gets_what_the_model_writes_to_it_by_itself(directory):
    """Whatever else is in the file, in the order of its lines; words that it does not know are `<unk>`."""
    sources = ["Ein Hund läuft.", "ein kind, ein hund und eine katze", "Die Katze läuft."]
    path = directory / "sources.txt"
    path.write_bytes(("\ufeff" + "\r\n".join(sources) + "\r\n").encode())
    written = text_of(f"--workdir={directory}", f"--source_file={path}").splitlines()
    translator = translating.translator(directory, "latest")
    vocabulary = translator.vocabulary
    expected = []
    for source in sources:
        tokens = vocabulary.source.encode(source)
        if not expected:
            assert tokens.tolist() == [vocabulary.source.tokens.index(word) for word in ("ein", "hund", "läuft", ".")]
        beams = decoding.beam_search(
            translator.model,
            translator.params,
            translating._batch([tokens], 0),
            width=1,
            length=vocabulary.length,
            end=vocabulary.end,
        )
        length = int(beams.lengths[0, 0]) - int(beams.finished[0, 0])
        expected.append(vocabulary.target.decode(np.asarray(beams.tokens)[:length, 0, 0]))
    assert written == expected
    np.testing.assert_array_equal(
        translating.read(translator, sources[0].upper(), ""), translating.read(translator, sources[0], "")
    )


def test_a_beam_has_its_best_first_and_no_more_than_it_found(directory):
    translator = translating.translator(directory, "20")
    sources = [translating.read(translator, source, "") for source in ("Ein Hund läuft.", "Die Frau")]
    search = Search(width=3, length_penalty=0.6)
    together = list(translating.likeliest(translator, sources, search))
    assert together[0] == next(translating.likeliest(translator, sources[:1], search))
    assert [len(set(texts)) for texts in together] == [3, 3]
    beam = ("--beam=3", "--num_samples=2", "--length_penalty=0.6")
    shown = text_of(f"--workdir={directory}", "--source=Ein Hund läuft.", *beam)
    assert shown == "".join(f"{text}\n" for text in together[0][:2])


def test_any_flag_of_chances_has_it_draw(directory):
    translator = translating.translator(directory, "latest")
    sources = [translating.read(translator, source, "") for source in ("Ein Hund läuft.", "Die Frau")]

    def drawn(seed, **chances):
        return list(translating.drawn(translator, sources, writing.Chances(**chances), seed, count=3))

    hot = drawn(0, temperature=2.0)
    assert [len(texts) for texts in hot] == [3, 3]
    assert len(set(hot[0])) > 1
    assert hot == drawn(0, temperature=2.0) != drawn(1, temperature=2.0)
    greedy = list(translating.likeliest(translator, sources, Search()))
    assert drawn(0, top_k=1) == [texts * 3 for texts in greedy]
    shown = text_of(f"--workdir={directory}", "--source=Ein Hund läuft.", "--num_samples=2", "--top_k=1")
    assert shown == f"{greedy[0][0]}\n" * 2


def test_where_there_is_no_end_an_output_is_as_long_as_its_source():
    """Sources of several lengths, in their order; each as by itself."""
    translator = untrained("reverse")
    sources = [translating.read(translator, text, "") for text in ("abc", "h", "cba", "b")]
    written = [text for (text,) in translating.likeliest(translator, sources, Search())]
    assert [len(text) for text in written] == [3, 1, 3, 1]
    assert set("".join(written)) <= set("abcdefgh")
    (alone,) = next(translating.likeliest(translator, sources[2:3], Search(), length=2))  # of three that it may be
    assert alone == written[2][:2]


def test_letters_become_phonemes(tmp_path):
    """What is written are symbols with spaces between them, up to the end."""
    path = tmp_path / "small.dict"
    path.write_text(DICTIONARY)
    vocabulary = pronunciation(path=str(path)).pair_vocabulary
    assert vocabulary.target.decode(vocabulary.target.encode("S K UW L")) == "S K UW L"
    assert vocabulary.source.decode(vocabulary.source.encode("school")) == "school"
    assert translating._until(np.array([3, 1, vocabulary.end, 2, vocabulary.end]), vocabulary.end).tolist() == [3, 1]
    assert translating._until(np.array([3, 1]), None).tolist() == [3, 1]


def test_what_it_does_not_know_is_named_with_its_place_or_left_out():
    translator = untrained("reverse")
    with pytest.raises(
        ConfigError, match=r"^line 3: 'x' \(U\+0078\), character 2 of the text, is none of the 8 .*skip"
    ):
        translating.read(translator, "axb", "line 3")
    assert translating.read(translator, "axb", "", skip_unknown=True).tolist() == [0, 1]
    for text, skip in (("", False), ("xyz", True)):
        with pytest.raises(ConfigError, match=r"^line 3: there is nothing in it that could be read\.$"):
            translating.read(translator, text, "line 3", skip_unknown=skip)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--prompt=Ein Hund",), "writes to a source: give --source or --source_file in place of a prompt."),
        (("--source=a", "--source_file=b"), "--source and --source_file are two ways to say what to write to"),
        (("--source=a", "--prompt=b"), "--source is for models of sequence to sequence: --prompt does not go with it."),
        (("--source=a", "--next=3"), "--source is for models of sequence to sequence: --next does not go with it."),
        (
            ("--source=a", "--num_samples=2"),
            "there is one text to a source; give --beam=2 too, or draw by --temperature.",
        ),
        (("--source=a", "--beam=2", "--num_samples=3"), "--num_samples=3: a beam of 2 has no more than that."),
        (("--source=a", "--length_penalty=0.6"), "--length_penalty is for what a beam finds: give --beam too."),
        (("--source=a", "--beam=2", "--length_penalty=-1"), "--length_penalty=-1.0: a number of at least 0"),
        (("--source_file=nowhere.txt",), "--source_file=nowhere.txt: No such file or directory"),
        (("--source=",), "--source: there is nothing in it that could be read."),
    ],
)
def test_mistakes_are_one_line(directory, arguments, message):
    done = run("generate", f"--workdir={directory}", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_an_empty_line_is_told_with_its_number_before_anything_is_written(directory):
    path = directory / "gap.txt"
    path.write_text("Ein Hund\n\nDie Frau\n")
    done = run("generate", f"--workdir={directory}", f"--source_file={path}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("gap.txt, line 2: there is nothing in it that could be read.\n")


def test_a_model_that_writes_to_no_source_is_told(directory, monkeypatch):
    found = translating.trained.read(directory, "latest")
    monkeypatch.setattr(translating.trained, "read", lambda *_: found._replace(vocabulary=found.vocabulary.source))
    with pytest.raises(ConfigError, match=r"goes on from a text: give --prompt in place of a source\.$"):
        translating.translator(directory, "latest")
    with pytest.raises(ConfigError, match=rf"^the model of {re.escape(str(directory))} does not write: "):
        writing.writer(directory, "latest")
