"""The model of a trial, from its directory alone: neither its data nor the network is needed."""

from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import jax
import numpy as np

from experiments import build
from experiments.analysis import saved
from experiments.config import Config, ConfigError
from experiments.trials import compilation
from rnnx.keyboard import Keyboard
from rnnx.logbook import files
from rnnx.logbook.run_directory import VOCABULARY
from rnnx.training.objective import evaluation
from rnnx.training.program import split
from rnnx.types import Params, Run, Task
from rnnx.unroll import plain_run
from rnnx.vocabulary import PairVocabulary, Vocabulary

StandsFor = Vocabulary | PairVocabulary | Keyboard
S = TypeVar("S", Vocabulary, PairVocabulary, Keyboard)


class Trained(NamedTuple, Generic[S]):
    """A model that was trained, and what its tokens or frames stand for."""

    model: Any
    """Its graph definition."""
    params: Params
    vocabulary: S
    run: Run
    """How time runs in it, as where it is evaluated."""


def read(directory: Path, checkpoint: str) -> Trained[Any]:
    """The model of a trial, with the parameters of its `latest` or `best` checkpoint or that of a step.

    Raises:
      ConfigError: there is no such trial or checkpoint, or its tokens stand for nothing that could be read.
    """
    config = saved.config_of(directory)
    vocabulary = stands_for(directory)
    compilation.enable_cache()
    model, shapes = _model(config, vocabulary)
    params = saved.params_of(directory, checkpoint, shapes)
    return Trained(model, params, vocabulary, evaluation(config.objective)(plain_run))


def stands_for(directory: Path) -> StandsFor:
    """What the tokens or frames of a trial stand for, by which it is told whether it writes, to a source, or plays.

    Raises:
      ConfigError: there is no such trial, or they stand for nothing that could be read or heard.
    """
    saved.config_of(directory)  # there is one
    if not (directory / VOCABULARY).exists():
        raise ConfigError(
            f"{directory} has no {VOCABULARY}: its task is one of neither texts nor music, or it was not begun yet."
        )
    record = files.read_json(directory / VOCABULARY)
    kind = PairVocabulary if "source" in record else Keyboard if "keys" in record else Vocabulary
    return kind.from_dict(record)


def mute(directory: Path, error: Exception) -> ConfigError:
    """What is told of a model that does not write, and says so, or fails where it is to."""
    return ConfigError(f"the model of {directory} does not write: {' '.join(str(error).split())}")


def _model(config: Config, vocabulary: StandsFor) -> tuple[Any, Params]:
    """The graph definition of a model, and the shapes of its parameters; its task is not made, which may need data."""

    def nothing(*_: Any) -> Any:
        raise AssertionError("a model that writes draws no examples.")

    if isinstance(vocabulary, Keyboard):
        V, O = None, vocabulary.keys
    elif isinstance(vocabulary, PairVocabulary):
        V, O = len(vocabulary.source), len(vocabulary.target)
    else:
        V = O = len(vocabulary)
    task = Task(
        sample=nothing,
        sample_heldout=nothing,
        losses=nothing,
        scores=nothing,
        baseline_loss=nothing,
        input_size=O if V is None else V,
        output_size=O,
        loss_unit="",
        vocab_size=V,
        vocabulary=vocabulary if isinstance(vocabulary, Vocabulary) else None,
        keyboard=vocabulary if isinstance(vocabulary, Keyboard) else None,
        train_tokens=lambda: np.arange(O),  # of which a model that counts has tables in its checkpoint
    )
    return jax.eval_shape(lambda: split(build.model(config, task), jax.random.key(0)))
