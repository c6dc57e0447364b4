"""Formulas written in LaTeX, `$…$` in a line and `$$…$$` by themselves, as the MathML that browsers draw themselves."""

import html
import re

from latex2mathml.converter import convert

_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>',
    flags=re.DOTALL,
)


class FormulaError(ValueError):
    """A formula that can't be drawn."""


def mathml(latex: str, display: str = "inline") -> str:
    r"""One formula.

    Raises:
      FormulaError: a command that is not known.

    >>> mathml("h^2").partition("<mrow>")[2]
    '<msup><mi>h</mi><mn>2</mn></msup></mrow></math>'
    >>> mathml(r"\sgima")
    Traceback (most recent call last):
    scripts.site.formulas.FormulaError: the formula '\\sgima' has a command that is not known: '\\sgima'.
    """
    made = convert(latex, display=display)
    unknown = re.search(r"\\[a-zA-Z]+", made)
    if unknown is not None:
        raise FormulaError(f"the formula {latex!r} has a command that is not known: {unknown[0]!r}.")
    return made


def drawn(page: str) -> str:
    """The HTML of a page in which `pymdownx.arithmatex` has marked the formulas, with each of them as MathML."""

    def of(found: re.Match[str]) -> str:
        display = "block" if found["tag"] == "div" else "inline"
        # A browser without MathML, and one who copies the formula, has what was written.
        return mathml(html.unescape(found["latex"]).strip(), display)

    return _FORMULA.sub(of, page)
