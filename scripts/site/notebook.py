"""A tutorial page is a Python file in cells, which is run: what it prints and draws stands below the cell that did it.

The files are notebooks as text (jupytext's "percent" format): `# %% [markdown]` begins a cell of prose, `# %%` one
of code. From the same cells come a page of the site and a notebook for Jupyter.
"""

import ast
import contextlib
import io
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import jupytext
import nbformat
from matplotlib import pyplot
from matplotlib.figure import Figure

from scripts.site import links, pictures


class CellError(RuntimeError):
    """A cell that failed, with its file."""


class Output(NamedTuple):
    """What a cell has shown."""

    text: str
    figures: tuple[Figure, ...]


class Cell(NamedTuple):
    """A cell of prose, which has no output, or of code."""

    is_code: bool
    source: str
    output: Output = Output("", ())


def run(source: Path) -> list[Cell]:
    """Run the cells one after the other, as Jupyter does, in a namespace of their own.

    A figure is shown by the cell that makes it, and the value of a last line that is an expression is printed.

    Raises:
      CellError: a cell that raised something; a warning counts.
    """
    pyplot.switch_backend("agg")  # no window
    namespace: dict[str, Any] = {"__name__": "__main__", "__file__": str(source)}
    cells = []
    for read in jupytext.read(source).cells:
        if read.cell_type != "code":
            cells.append(Cell(False, read.source))
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                cells.append(Cell(True, read.source, _execute(read.source, namespace)))
        except Exception as error:
            raise CellError(f"{source.name}: {type(error).__name__}: {error}, in the cell\n{read.source}") from error
    return cells


def _execute(code: str, namespace: dict[str, Any]) -> Output:
    tree = ast.parse(code)
    last = tree.body[-1] if tree.body else None
    shown = ast.Expression(last.value) if isinstance(last, ast.Expr) else None
    if shown is not None:
        tree.body.pop()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), namespace)
        value = None if shown is None else eval(compile(shown, "<cell>", "eval"), namespace)
        if value is not None and not _is_drawing(value):
            print(repr(value))
    figures = tuple(pyplot.figure(number) for number in pyplot.get_fignums())
    pyplot.close("all")
    return Output(printed.getvalue(), figures)


def _is_drawing(value: Any) -> bool:
    """What matplotlib's functions give back, which nobody wants to read below the picture."""
    if isinstance(value, list | tuple):
        return all(map(_is_drawing, value))
    return type(value).__module__.startswith(("matplotlib", "mpl_toolkits"))


def page(cells: list[Cell], notebook: str) -> str:
    """Markdown of a page, with a link to the notebook below its heading."""
    parts = []
    for cell in cells:
        if not cell.is_code:
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        if cell.output.text:
            parts.append(f'<div class="output" markdown>\n\n```text\n{cell.output.text.rstrip()}\n```\n\n</div>')
        parts += [pictures.svg(figure, _alternative(figure)) for figure in cell.output.figures]
    heading, _, rest = parts[0].partition("\n")
    parts[0] = f"{heading}\n\n[This page as a notebook]({notebook}){{ .md-button .notebook download }}\n\n{rest}"
    return "\n\n".join(parts)


def _alternative(figure: Figure) -> str:
    """What the axes of a figure are called: what it shows is said by the text around it."""
    names = [f"{axes.get_ylabel() or axes.get_title()} against {axes.get_xlabel()}" for axes in figure.axes]
    return "; ".join(names).replace("$", "")


def ipynb(cells: list[Cell], page: str) -> str:
    """The notebook of a page of the site, with what was printed; its pictures come when it is run."""
    made = []
    for cell in cells:
        if cell.is_code:
            told = [nbformat.v4.new_output("stream", text=cell.output.text)] if cell.output.text else []
            made.append(nbformat.v4.new_code_cell(cell.source, outputs=told))
        else:
            made.append(nbformat.v4.new_markdown_cell(links.built(cell.source, page)))
    # Numbers in place of random names, so that the same cells are the same file.
    for number, one in enumerate(made):
        one["id"] = f"cell-{number}"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return nbformat.writes(nbformat.v4.new_notebook(cells=made, metadata=kernel))
