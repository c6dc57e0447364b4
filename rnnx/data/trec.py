"""Questions of the TREC conference by what is asked for: 5452 to train on and 500 to test on (Li & Roth 2002).

"Learning question classifiers". A label is one of 6 classes and, after a colon, one of 50 within these, `NUM:dist`. Ten
questions to test on stand in the training set too, as published.
"""

from functools import partial

from rnnx.data._download import http_file
from rnnx.data._labelled import Labelled, LabelledTexts
from rnnx.data._store import Source, obtain

_URL = "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/master/data/TREC"

SOURCES = tuple(
    Source(f"trec/TREC.{part}", sha256, f"{_URL}.{part}", partial(http_file, f"{_URL}.{part}"))
    for part, sha256 in {
        "train": "9e4c8bdcaffb96ed61041bd64b564183d52793a8e91d84fc3a8646885f466ec3",
        "test": "033f22c028c2bbba9ca682f68ffe204dc1aa6e1cf35dd6207f2d4ca67f0d0e8e",
    }.items()
)


def trec() -> LabelledTexts:
    """Questions with labels such as `NUM:dist`, 5452 and 500 of them; raises `DataError` if they cannot be had.

    >>> trec().test[0]  # doctest: +SKIP
    Labelled(text='How far is it from Denver to Aspen ?', label='NUM:dist')
    """
    train, test = (
        tuple(
            Labelled(question, label)
            for label, _, question in (line.partition(" ") for line in text.removesuffix("\n").split("\n"))
        )
        for text in (obtain(source).content.decode("latin-1") for source in SOURCES)
    )
    return LabelledTexts("trec", tuple((source.path, source.sha256) for source in SOURCES), train, test)
