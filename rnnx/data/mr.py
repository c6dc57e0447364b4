"""Film reviews of Pang & Lee 2005: 5331 sentences in favour and 5331 against, most of which are a whole review.

"Seeing stars: exploiting class relationships for sentiment categorization with respect to rating scales". In lower
case, with spaces between words. There is no published split: papers take ten folds. The Stanford Sentiment Treebank was
made of these sentences: a network that is trained on one has seen what the other is tested on.
"""

from functools import partial

from rnnx.data._download import http_file
from rnnx.data._labelled import Labelled, LabelledTexts
from rnnx.data._store import Source, obtain

_URL = "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/master/data/rt-polarity"

SOURCES = tuple(
    Source(f"mr/rt-polarity.{part}", sha256, f"{_URL}.{part}", partial(http_file, f"{_URL}.{part}"))
    for part, sha256 in {
        "neg": "4ace77d558c3714723843f1d65b60c01e3417b208180f0728808d76ad0eeeaca",
        "pos": "2da124ec187a9d5a29c9f04e91c540e02baed5af8868f550a26bd6fd4dbf8bf0",
    }.items()
)


def mr() -> LabelledTexts:
    """Film reviews, `negative` and `positive`, 10,662 sentences; raises `DataError` if they cannot be had.

    >>> mr().train[0].label  # doctest: +SKIP
    'negative'
    """
    # Said to be Latin-1, which has no dashes, dots and quotation marks at the places where they stand.
    texts = (obtain(source).content.decode("windows-1252") for source in SOURCES)
    found = [
        Labelled(line.strip(" "), label)
        for text, label in zip(texts, ("negative", "positive"), strict=True)
        for line in text.removesuffix("\n").split("\n")
    ]
    return LabelledTexts("mr", tuple((source.path, source.sha256) for source in SOURCES), tuple(found))
