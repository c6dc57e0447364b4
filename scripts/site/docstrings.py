"""Docstrings as Markdown: their examples, typed at Python's prompt, become blocks of code.

An extension of griffe, which reads docstrings for mkdocstrings. Without it each `>>>` would be a quotation.
"""

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^([ \t]*)>>> .*(?:\n(?![ \t]*\n).+)*", flags=re.MULTILINE)


def fenced(docstring: str) -> str:
    """The docstring with a fence around each stretch of examples.

    >>> print(fenced("Add.\\n\\n>>> 1 + 1\\n2\\n\\nDone."))
    Add.
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    2
    ```
    <BLANKLINE>
    Done.
    """
    return _EXAMPLE.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", docstring)


class Examples(griffe.Extension):
    """What mkdocs.yml names."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called by griffe for everything that it has read."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
