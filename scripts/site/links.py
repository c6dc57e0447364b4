"""Links within the repository, which are right where it is read, led to where the site has the same.

A module of rnnx is in the reference, a source of the tutorial is a page, and any other file outside `docs/` becomes a
part of the site.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from scripts.site import reference

ROOT = Path(__file__).parents[2]
DOCS = "docs"
REPOSITORY = "repository"  # the folder of the site that has what is not in docs/

_LINK = re.compile(r"(\]\()([^)\s#]+)")
_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", flags=re.DOTALL)


def place(src_uri: str) -> str:
    """Where a page of the site lies in the repository.

    >>> place("engines.md"), place("repository/CONTRIBUTING.md")
    ('docs/engines.md', 'CONTRIBUTING.md')
    """
    return src_uri.removeprefix(f"{REPOSITORY}/") if src_uri.startswith(f"{REPOSITORY}/") else f"{DOCS}/{src_uri}"


def src_uri(place: str) -> str:
    """Where the site has what lies in the repository.

    >>> src_uri("docs/engines.md"), src_uri("CONTRIBUTING.md")
    ('engines.md', 'repository/CONTRIBUTING.md')
    >>> src_uri("docs/tutorial/1_state.py"), src_uri("rnnx/unroll.py")
    ('tutorial/1_state.md', 'reference/rnnx.unroll.md')
    """
    described = reference.address(place) if place.split("/")[0] == "rnnx" else None
    if described is not None:
        return described
    inside = place.removeprefix(f"{DOCS}/")
    if inside == place:
        return f"{REPOSITORY}/{place}"
    return re.sub(r"^(tutorial/\d.*)\.py$", r"\1.md", inside)


def rewritten(markdown: str, page: str) -> str:
    """The Markdown of a page of the site with the links of its file in the repository led to where things lie now.

    >>> rewritten("[how](../CONTRIBUTING.md#a-cell), [engines](engines.md)", "sweeps.md")
    '[how](repository/CONTRIBUTING.md#a-cell), [engines](engines.md)'
    """
    here = posixpath.dirname(place(page))

    def moved(found: re.Match[str]) -> str:
        target = src_uri(posixpath.normpath(posixpath.join(here, found[2])))
        return found[1] + posixpath.relpath(target, posixpath.dirname(page) or ".")

    def in_prose(text: str) -> str:
        return _LINK.sub(lambda found: found[0] if _elsewhere(found[2]) else moved(found), text)

    return "".join(text if n % 2 else in_prose(text) for n, text in enumerate(_CODE.split(markdown)))


def built(markdown: str, page: str) -> str:
    """The same for what is no page, and so has links to the pages as they are once the site is built.

    >>> built("[next](2_unrolling.py)", "tutorial/1_state.md")
    '[next](2_unrolling.html)'
    """
    return re.sub(r"(\]\((?![a-z]+:)[^)\s#]+)\.md", r"\1.html", rewritten(markdown, page))


def outside(pages: dict[str, str]) -> dict[str, Path]:
    """Files outside `docs/` that pages link to, and those that they link to in turn: by their place in the site.

    Args:
      pages: Markdown by place in the site.
    """
    files: dict[str, Path] = {}
    waiting = list(pages.items())
    while waiting:
        page, markdown = waiting.pop()
        for target in _targets(rewritten(markdown, page), page):
            file = ROOT / place(target)
            if target.startswith(f"{REPOSITORY}/") and target not in files and file.is_file():
                files[target] = file
                if file.suffix == ".md":
                    waiting.append((target, file.read_text(encoding="utf-8")))
    return files


def _targets(markdown: str, page: str) -> Iterator[str]:
    for _, target in _LINK.findall(_CODE.sub("", markdown)):
        if not _elsewhere(target):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(page), target))


def _elsewhere(target: str) -> bool:
    return re.match(r"[a-z]+:", target) is not None
