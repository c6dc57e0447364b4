r"""Have a trained model tell the class of a sentence, and show which words that hangs on.

The probability of each class comes first, the likeliest at the top. Then the words, each with the size of the gradient
by its vector, as a share of the largest: how much a small change of the word would change how likely that class is. On
a terminal words are tinted by it. A word that the model does not know stands as <unk>.

A model of trees is given one by --tree, as the treebank has it or as words and brackets alone. --picture draws the text
or the tree too, with the gradient at every step and the class at every node.

Examples:

    python -m experiments.predict --workdir=runs/sentiment \
        --sentence="It's not a bad film, but I didn't like it."
    python -m experiments.predict --workdir=runs/sentiment_trees \
        --tree="((It ('s (not (a (bad film))))) .)" --picture=not_bad.svg
"""

import re
from pathlib import Path

from absl import flags

from experiments import cli


def main() -> int:
    """Show what the model of the trial in `--workdir` says of a text."""
    given = flags.FLAGS
    directory = cli.workdir("say whose model is asked, for example --workdir=runs/sentiment")
    if (given.sentence is None) == (given.tree is None):
        cli.fail("give the text by --sentence, or by --tree with its brackets, and by one of them alone.")
    if given.checkpoint not in ("latest", "best") and not re.fullmatch("[0-9]+", given.checkpoint):
        cli.fail(f"--checkpoint={given.checkpoint}: latest, best, or the step of one that is kept.")
    flag, text = ("--sentence", given.sentence) if given.tree is None else ("--tree", given.tree)

    from experiments.analysis import predicting  # loads jax

    picture = None if given.picture is None else Path(given.picture).expanduser()
    if picture is not None:
        predicting.check_picture(picture)
    prediction = predicting.predict(directory, given.checkpoint, flag, text)
    if picture is not None:  # first: whoever reads what is shown may go before its end
        predicting.draw(prediction, picture)
    predicting.show(prediction)
    return 0


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Directory of a trial whose model is asked.")
    flags.DEFINE_string("sentence", None, "A text in words.")
    flags.DEFINE_string("tree", None, "A text with brackets around every two parts that belong together.")
    flags.DEFINE_string("picture", None, "File to draw the text to, such as text.png or text.svg.")
    flags.DEFINE_string("checkpoint", "latest", "Which parameters: latest, best, or a step.")
    cli.start(main, required=("workdir",))
