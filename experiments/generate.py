r"""Let a trained model write: on from a text, or to a source; or let it play.

A model of language goes on from --prompt. What is written is shown while it is drawn. Chances are changed by
--temperature first; then --top_k leaves the likeliest tokens, then --top_p the likeliest that have that share together.
--beam draws nothing, and looks for the likeliest text; --next shows what may come next.

A model of sequence to sequence writes to --source, or to each line of --source_file, a line for each: the likeliest
token each time, or by --beam what is likeliest as a whole. Any of the flags that change chances has it draw.

A model of music plays --length frames, from nothing or on from the first --piece_frames of --piece, one of the test
split. Each key is drawn by itself, by --temperature, and a key that sounds in frames one after another is one note,
held. What is played goes into --output as a MIDI file, to be heard, and as a picture, beside what is there already.

The same flags and --seed write the same. All that is needed lies in the trial's directory, but for a --piece.

Examples:

    python -m experiments.generate --workdir=runs/shakespeare \
        --prompt="ROMEO:" --temperature=0.8
    # The five likeliest next characters.
    python -m experiments.generate --workdir=runs/shakespeare \
        --prompt="To be, or not to b" --next=5
    # The four likeliest pronunciations that a beam of four finds.
    python -m experiments.generate --workdir=runs/pronunciation \
        --source=tomato --beam=4 --num_samples=4
    python -m experiments.generate --workdir=runs/translation \
        --source_file=german.txt > english.txt
    # Two ways to go on from the beginning of a chorale.
    python -m experiments.generate --workdir=runs/jsb --piece=3 --num_samples=2
"""

import math
import re
from pathlib import Path
from typing import Any

from absl import flags

from experiments import cli

_DRAWING = ("temperature", "top_k", "top_p", "seed")
_TEXTS = ("prompt", "prompt_file", "source", "source_file", "next", "stop")
_OF_TEXTS = (*_TEXTS, "beam", "top_k", "top_p", "unknown")
_OF_MUSIC = ("piece", "piece_frames", "tempo", "output")
_FRAMES = 128
_MOST_FRAMES = 2**16
"""Of music, which is held in memory as a whole: an hour and more of it, whatever a frame is."""


def main() -> int:
    """Write with the model of the trial in `--workdir`."""
    given = flags.FLAGS
    directory = cli.workdir("say whose model writes, for example --workdir=runs/shakespeare")
    _check(given)
    if given.source is not None or given.source_file is not None:
        return _to_sources(given, directory)
    return _after_a_prompt(given, directory)


def _check(given: Any) -> None:
    """That the flags go with each other."""
    if given.prompt is not None and given.prompt_file is not None:
        cli.fail("--prompt and --prompt_file are two ways to say what to go on from: give one of them.")
    if given.source is not None and given.source_file is not None:
        cli.fail("--source and --source_file are two ways to say what to write to: give one of them.")
    sources = [name for name in ("source", "source_file") if given[name].value is not None]
    other = [name for name in ("prompt", "prompt_file", "next", "stop") if given[name].present]
    if sources and other:
        cli.fail(f"--{sources[0]} is for models of sequence to sequence: --{other[0]} does not go with it.")
    if not given.temperature >= 0 or math.isinf(given.temperature):
        cli.fail(f"--temperature={given.temperature}: a number of at least 0, which takes the likeliest each time.")
    if not 0 < given.top_p <= 1:
        cli.fail(f"--top_p={given.top_p}: a share above 0 and at most 1, which leaves all.")
    drawing = [name for name in _DRAWING if given[name].present]
    showing = next((name for name in ("next", "beam") if given[name].value), None)
    if showing and drawing:
        cli.fail(f"--{showing} draws nothing: --{drawing[0]} does not go with it.")
    writing_flags = [name for name in ("beam", "length", "num_samples", "stop") if given[name].present]
    if given.next and writing_flags:
        cli.fail(f"--next writes nothing: --{writing_flags[0]} does not go with it.")
    if given["length_penalty"].present and not given.beam:
        cli.fail("--length_penalty is for what a beam finds: give --beam too.")
    if not given.length_penalty >= 0 or math.isinf(given.length_penalty):
        cli.fail(f"--length_penalty={given.length_penalty}: a number of at least 0, which is none.")
    if given.beam and given.num_samples > given.beam:
        cli.fail(f"--num_samples={given.num_samples}: a beam of {given.beam} has no more than that.")
    if sources and not given.beam and not drawing and given.num_samples > 1:
        cli.fail(
            f"--num_samples={given.num_samples}: by the likeliest token each time there is one text to a source; "
            f"give --beam={given.num_samples} too, or draw by --temperature."
        )
    texts, music = ([name for name in names if given[name].present] for names in (_OF_TEXTS, _OF_MUSIC))
    if texts and music:
        cli.fail(f"--{texts[0]} is for models that write, --{music[0]} for those that play: they do not go together.")
    if given["piece_frames"].present and given.piece is None:
        cli.fail("--piece_frames is of a --piece: give that too.")
    if not 4 <= given.tempo <= 1000:  # the slowest that a MIDI file can say is 3.6
        cli.fail(f"--tempo={given.tempo}: quarter notes a minute, a number from 4 to 1000.")
    if given.stop == "":
        cli.fail("--stop is empty: say at which text to stop, or leave it out.")
    if given.checkpoint not in ("latest", "best") and not re.fullmatch("[0-9]+", given.checkpoint):
        cli.fail(f"--checkpoint={given.checkpoint}: latest, best, or the step of one that is kept.")


def _read(flag: str, value: str) -> str:
    """The text of a file that a flag names."""
    file = cli.path(value)
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        cli.fail(f"--{flag}={file} is not a text in UTF-8: byte {error.start} is not.")
    except OSError as error:
        cli.fail(f"--{flag}={file}: {error.strerror}")


def _after_a_prompt(given: Any, directory: Path) -> int:
    """Go on from a text, which is shown too."""
    prompt, source = given.prompt or "", "--prompt"
    if given.prompt_file is not None:
        prompt, source = _read("prompt_file", given.prompt_file), f"--prompt_file={given.prompt_file}"

    from experiments.analysis import trained, writing  # loads jax
    from rnnx.keyboard import Keyboard

    if isinstance(trained.stands_for(directory), Keyboard):
        return _play(given, directory)
    writer = writing.writer(directory, given.checkpoint)
    if music := [name for name in _OF_MUSIC if given[name].present]:
        cli.fail(f"the model of {directory} writes, and plays nothing: --{music[0]} does not go with it.")
    start = writer.read(prompt, source, skip_unknown=given.unknown == "skip")
    if given.next:
        found = writing.next_tokens(writer, start, given.next)
        writing.show(f"{probability:8.4f}  {token!r}\n" for token, probability in found)
        return 0
    if given.beam:
        texts = writing.likeliest(writer, start, given.length, given.beam, given.length_penalty)[: given.num_samples]
        pieces = [iter([text]) for text in texts]
    else:
        chances = writing.Chances(given.temperature, given.top_k, given.top_p)
        seeds = [(given.seed, number) for number in range(given.num_samples)]
        pieces = [writing.drawn(writer, start, given.length, chances, seed) for seed in seeds]
    for number, text in enumerate(pieces):
        if number:
            writing.show(iter(["\n----\n"]))
        writing.show(writing.until(text, given.stop, prompt))
    writing.show(iter(["\n"]))
    return 0


def _play(given: Any, directory: Path) -> int:
    """Play, from nothing or on from the beginning of a piece, and say where that is."""
    if texts := [name for name in _OF_TEXTS if given[name].present]:
        cli.fail(f"the model of {directory} plays, and writes nothing: --{texts[0]} does not go with it.")
    from experiments.analysis import playing
    from rnnx.logbook.run_directory import PLAYED

    length = given.length if given["length"].present else _FRAMES
    if length > _MOST_FRAMES:
        cli.fail(f"--length={length}: of music at most {_MOST_FRAMES} frames.")
    player = playing.player(directory, given.checkpoint)
    start = playing.beginning(directory, given.piece, given.piece_frames, player.vocabulary)
    folder = cli.path(given.output) if given.output else directory / PLAYED
    of_piece = f", on from piece {given.piece} of the test split" if len(start) else ""
    whose = playing.title(directory)
    first = playing.next_number(folder)
    for number in range(given.num_samples):
        roll = playing.played(player, start, length, given.temperature, (given.seed, number))
        title = f"{whose}: sample {number} by seed {given.seed}, temperature {given.temperature:g}{of_piece}"
        for path in playing.save(player, folder, str(first + number), roll, len(start), given.tempo, title):
            print(path)
    return 0


def _to_sources(given: Any, directory: Path) -> int:
    """Write a line to each source; several, if that is asked for."""
    sources, names = [given.source], ["--source"]
    if given.source_file is not None:
        text = _read("source_file", given.source_file)  # with newlines alone, however they are in the file
        sources = text.removesuffix("\n").split("\n")
        names = [f"--source_file={given.source_file}, line {n}" for n in range(1, len(sources) + 1)]

    from experiments.analysis import translating, writing  # loads jax

    translator = translating.translator(directory, given.checkpoint)
    skip_unknown = given.unknown == "skip"
    read = [
        translating.read(translator, source, name, skip_unknown=skip_unknown)
        for source, name in zip(sources, names, strict=True)
    ]
    length = given.length if given["length"].present else None
    if any(given[name].present for name in _DRAWING):
        chances = writing.Chances(given.temperature, given.top_k, given.top_p)
        texts = translating.drawn(translator, read, chances, given.seed, given.num_samples, length)
    else:
        search = translating.Search(given.beam or 1, given.length_penalty)
        texts = translating.likeliest(translator, read, search, length)
    writing.show(f"{text}\n" for some in texts for text in some[: given.num_samples])
    return 0


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Directory of a trial whose model writes.")
    flags.DEFINE_string("prompt", None, "Text to go on from; without any, from the start of a line.")
    flags.DEFINE_string("prompt_file", None, "File with the text to go on from, in UTF-8.")
    flags.DEFINE_string("source", None, "Text to write to, with a model of sequence to sequence.")
    flags.DEFINE_string("source_file", None, "File with a text to write to on each line, in UTF-8.")
    flags.DEFINE_integer(
        "length",
        500,
        "Tokens to write at most; to a source as many as its task has; of music 128 frames.",
        lower_bound=1,
    )
    flags.DEFINE_integer("piece", None, "Of music, a piece of the test split to go on from, from 0.", lower_bound=0)
    flags.DEFINE_integer("piece_frames", 16, "How many frames of the piece.", lower_bound=1)
    flags.DEFINE_float("tempo", 90.0, "Of music, quarter notes a minute.")
    flags.DEFINE_string("output", None, "Of music, the folder for what is played; played/ in that of the trial.")
    flags.DEFINE_float("temperature", 1.0, "Divides the logits; 0 takes the likeliest each time.")
    flags.DEFINE_integer("top_k", 0, "Draw from so many of the likeliest tokens; 0 for all.", 0, 2**31 - 1)
    flags.DEFINE_float("top_p", 1.0, "Draw from the likeliest tokens that have this share together.")
    flags.DEFINE_integer("beam", 0, "Width of a beam search for the likeliest text; 0 for none.", lower_bound=0)
    flags.DEFINE_float("length_penalty", 0.0, "Of a beam, α: divides ln p of n tokens by ((5 + n) / 6)^α.")
    flags.DEFINE_integer("next", 0, "Show so many of the likeliest next tokens, and write nothing.", lower_bound=0)
    flags.DEFINE_integer("num_samples", 1, "Texts to write, to each source, or pieces to play.", lower_bound=1)
    flags.DEFINE_string("stop", None, "Stop where the model has written this.")
    flags.DEFINE_integer("seed", 0, "Of what is drawn.", lower_bound=0, upper_bound=2**32 - 1)
    flags.DEFINE_enum("unknown", "error", ["error", "skip"], "Characters of a text that the model does not know.")
    flags.DEFINE_string("checkpoint", "latest", "Which parameters: latest, best, or a step.")
    cli.start(main, required=("workdir",))
