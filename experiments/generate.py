r"""Let a trained model of language write.

What is written is shown while it is drawn. Chances are changed by --temperature first; then --top_k leaves the
likeliest tokens, then --top_p the likeliest that have that share together. --beam draws nothing, and looks for the
likeliest text; --next shows what may come next. The same flags and --seed write the same. All that is needed lies in
the trial's directory.

Examples:

    python -m experiments.generate --workdir=runs/shakespeare \
        --prompt="ROMEO:" --temperature=0.8
    # The five likeliest next characters.
    python -m experiments.generate --workdir=runs/shakespeare \
        --prompt="To be, or not to b" --next=5
"""

import math
import re

from absl import flags

from experiments import cli


def main() -> int:
    """Write with the model of the trial in `--workdir`."""
    given = flags.FLAGS
    directory = cli.workdir("say whose model writes, for example --workdir=runs/shakespeare")
    if given.prompt is not None and given.prompt_file is not None:
        cli.fail("--prompt and --prompt_file are two ways to say what to go on from: give one of them.")
    if not given.temperature >= 0 or math.isinf(given.temperature):
        cli.fail(f"--temperature={given.temperature}: a number of at least 0, which takes the likeliest each time.")
    if not 0 < given.top_p <= 1:
        cli.fail(f"--top_p={given.top_p}: a share above 0 and at most 1, which leaves all.")
    drawing = [name for name in ("temperature", "top_k", "top_p", "seed") if given[name].present]
    showing = next((name for name in ("next", "beam") if given[name].value), None)
    if showing and drawing:
        cli.fail(f"--{showing} draws nothing: --{drawing[0]} does not go with it.")
    writing_flags = [name for name in ("beam", "length", "num_samples", "stop") if given[name].present]
    if given.next and writing_flags:
        cli.fail(f"--next writes nothing: --{writing_flags[0]} does not go with it.")
    if given.beam and given.num_samples > given.beam:
        cli.fail(f"--num_samples={given.num_samples}: a beam of {given.beam} has no more than that.")
    if given.stop == "":
        cli.fail("--stop is empty: say at which text to stop, or leave it out.")
    if given.checkpoint not in ("latest", "best") and not re.fullmatch("[0-9]+", given.checkpoint):
        cli.fail(f"--checkpoint={given.checkpoint}: latest, best, or the step of one that is kept.")
    prompt, source = given.prompt or "", "--prompt"
    if given.prompt_file is not None:
        file, source = cli.path(given.prompt_file), f"--prompt_file={given.prompt_file}"
        try:
            prompt = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            cli.fail(f"--prompt_file={file} is not a text in UTF-8: byte {error.start} is not.")
        except OSError as error:
            cli.fail(f"--prompt_file={file}: {error.strerror}")

    from experiments.analysis import writing  # loads jax

    writer = writing.writer(directory, given.checkpoint)
    start = writer.read(prompt, source, skip_unknown=given.unknown == "skip")
    if given.next:
        found = writing.next_tokens(writer, start, given.next)
        writing.show(f"{probability:8.4f}  {token!r}\n" for token, probability in found)
        return 0
    if given.beam:
        texts = writing.likeliest(writer, start, given.length, given.beam)[: given.num_samples]
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


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Directory of a trial whose model writes.")
    flags.DEFINE_string("prompt", None, "Text to go on from; without any, from the start of a line.")
    flags.DEFINE_string("prompt_file", None, "File with the text to go on from, in UTF-8.")
    flags.DEFINE_integer("length", 500, "Tokens to write at most: characters, or words.", lower_bound=1)
    flags.DEFINE_float("temperature", 1.0, "Divides the logits; 0 takes the likeliest token each time.")
    flags.DEFINE_integer("top_k", 0, "Draw from so many of the likeliest tokens; 0 for all.", 0, 2**31 - 1)
    flags.DEFINE_float("top_p", 1.0, "Draw from the likeliest tokens that have this share together.")
    flags.DEFINE_integer("beam", 0, "Width of a beam search for the likeliest text; 0 to draw.", lower_bound=0)
    flags.DEFINE_integer("next", 0, "Show so many of the likeliest next tokens, and write nothing.", lower_bound=0)
    flags.DEFINE_integer("num_samples", 1, "Texts to write.", lower_bound=1)
    flags.DEFINE_string("stop", None, "Stop where the model has written this.")
    flags.DEFINE_integer("seed", 0, "Of what is drawn.", lower_bound=0, upper_bound=2**32 - 1)
    flags.DEFINE_enum("unknown", "error", ["error", "skip"], "Characters of the prompt that the model does not know.")
    flags.DEFINE_string("checkpoint", "latest", "Which parameters: latest, best, or a step.")
    cli.start(main, required=("workdir",))
