"""What the files of a run are called, and how far a run has come by them.

    <workdir>/study.json           the trials of a sweep, and their settings
    <workdir>/_study/              what TensorBoard shows of all of them together
    <workdir>/<trial>/config.json  settings, versions, machine, command: what makes a directory that of a run
              vocabulary.json      what the tokens of texts stand for that it reads or writes, or the frames of music
              example.json         the first held-out example, as people see it
              graph.json           the computational graph of its model over that example
              samples/             what it wrote, a file for each measurement: a text, or to held-out examples
              forecasts/           what it forecast over a stretch of time held out, likewise
              metrics.jsonl        the record
              performance.jsonl    speed, memory, compile time
              events.out.tfevents… what TensorBoard shows
              checkpoints/         states to go on from; in best/, parameters of the best measurement
              analysis/            measurements of the latest checkpoint; in initial/, of the parameters before training
              projector/           points for TensorBoard's projector, named in projector_config.pbtxt
              profile/             a trace, if one was asked for
              trial.lock           there while a process trains it
              predictions/         what it wrote to each example of the test split: last.jsonl, best.jsonl
              played/              music that its model plays, by experiments.generate
              DONE.json            what it came to; or FAILED.json, why it can't go on

The commands alone know `study.json` and `config.json` by themselves, since they look before anything heavy is loaded.
"""

from pathlib import Path

STUDY = "study.json"
STUDY_RUN = "_study"
CONFIG = "config.json"
VOCABULARY = "vocabulary.json"
EXAMPLE = "example.json"
GRAPH = "graph.json"
SAMPLES = "samples"
FORECASTS = "forecasts"
METRICS = "metrics.jsonl"
PERFORMANCE = "performance.jsonl"
EVENTS = "events.out.tfevents"
CHECKPOINTS = "checkpoints"
BEST = "checkpoints/best"
ANALYSIS = "analysis"
INITIAL = "analysis/initial"
PROJECTOR = "projector"
PROJECTOR_CONFIG = "projector_config.pbtxt"
PROFILE = "profile"
PREDICTIONS = "predictions"
PLAYED = "played"
LOCK = "trial.lock"
STUDY_LOCK = "study.lock"
DONE = "DONE.json"
FAILED = "FAILED.json"


def status(directory: Path) -> str:
    """How far the run of a directory has come: `done`, `failed` or `unfinished`.

    >>> import tempfile
    >>> status(Path(tempfile.mkdtemp()))
    'unfinished'
    """
    if (directory / DONE).exists():
        return "done"
    return "failed" if (directory / FAILED).exists() else "unfinished"
