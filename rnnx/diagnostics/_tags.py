"""What a diagnostic, or a reading, says of each of its tags; the page of tags, docs/measurements.md, is made of it."""

import re
from typing import NamedTuple


class Tag(NamedTuple):
    """A tag, or those that differ in what `<…>` stands for."""

    name: str
    """As in `metrics.jsonl`, without the name of a part of a model."""
    unit: str
    """Empty where there is none."""
    meaning: str
    """A sentence or two, Markdown."""
    quartiles: bool = False
    """Whether it is a median over the batch, with the quartiles under `…_q25` and `…_q75`."""
    title: str = ""
    """What it is called above a chart, without unit; empty where the tag says it."""

    headline: bool = False
    """Whether it is one of the few numbers that stand for the measurement, as `experiments.analyze` prints them."""

    @property
    def names(self) -> tuple[str, ...]:
        """The tag, and those of its quartiles."""
        return (self.name, f"{self.name}_q25", f"{self.name}_q75") if self.quartiles else (self.name,)

    def declares(self, tag: str) -> bool:
        """Whether it is the declaration of a tag.

        >>> Tag("gates/<gate>/mean", "", "").declares("gates/forget/mean")
        True
        """
        return any(re.fullmatch(re.sub(r"<\w+>", "[^/]+", name), tag) for name in self.names)
