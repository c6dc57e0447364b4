"""Docstrings as Markdown: their examples, typed at Python's prompt, become blocks of code.

An extension of griffe, which reads docstrings for mkdocstrings. Without it each `>>>` would be a quotation, and what
stands before a colon in `Returns:` would be taken for a type.
"""

import re
import textwrap
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^([ \t]*)>>> .*(?:\n(?![ \t]*\n).+)*", flags=re.MULTILINE)
_RETURNS = re.compile(r"^Returns:\n((?:[ \t]+.*(?:\n|\Z)|\n(?=[ \t]))+)\n*", flags=re.MULTILINE)


def fenced(docstring: str) -> str:
    """The docstring with a fence around each stretch of examples.

    >>> fenced("Add.\\n\\n>>> 1 + 1\\n2")
    'Add.\\n\\n```pycon\\n>>> 1 + 1\\n2\\n```'
    """
    return _EXAMPLE.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", docstring)


def returns_as_prose(docstring: str) -> str:
    """The docstring with what is returned as a paragraph of its text.

    >>> print(returns_as_prose("Add.\\n\\nReturns:\\n  (sum, `{name: value}`).\\n\\nRaises:\\n  ValueError: no."))
    Add.
    <BLANKLINE>
    **Returns:**
    <BLANKLINE>
    (sum, `{name: value}`).
    <BLANKLINE>
    Raises:
      ValueError: no.
    """
    return _RETURNS.sub(lambda found: f"**Returns:**\n\n{textwrap.dedent(found[1]).rstrip()}\n\n", docstring)


class Docstrings(griffe.Extension):
    """What mkdocs.yml names."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called by griffe for everything that it has read."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(returns_as_prose(obj.docstring.value))
