"""Models that read small texts."""

import functools

import jax
import numpy as np

import rnnx
from rnnx.readings import Reader
from rnnx.tasks._scores import accuracy
from rnnx.training.program import split
from rnnx.vocabulary import Vocabulary
from tests.helpers.text_task import markov, text_task

V, T = 7, 12
LETTERS = Vocabulary("character", ("\n", *"abcdef"))
TEXT = markov(400, V)
TASK = text_task(TEXT, V)


def reader(name, cell=None, *, tokens=TEXT, vocabulary=LETTERS, length=T, scale=0.5, **options):
    """Of a model by name, or a class of a test's own, with counts if it has any, and else normal numbers times `scale`:
    what a model begins with takes a second to compile."""
    make = rnnx.models.get(name) if isinstance(name, str) else name
    V = len(vocabulary)
    task = TASK._replace(vocab_size=V, input_size=V, output_size=V, vocabulary=vocabulary, scores=scores)
    model = functools.partial(make, cell or rnnx.gru(4), task, **options)
    graphdef, params = split(model, jax.random.key(0)) if name == "ngram" else drawn(model, scale)
    return Reader(graphdef, params, rnnx.plain_run, task, length, np.asarray(tokens, np.int32))


def scores(outputs, batch):
    return {"accuracy": (accuracy(outputs, batch), batch.weights)}


def drawn(model, scale=0.5):
    """The graph definition of a model, and parameters that matter."""
    rng = np.random.default_rng(3)
    graphdef, shapes = jax.eval_shape(lambda: split(model, jax.random.key(0)))
    return graphdef, jax.tree.map(lambda leaf: np.float32(scale * rng.normal(size=leaf.shape)), shapes)
