"""Every link within the repository leads somewhere, in its pages and in the prose of the tutorial."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/tutorial/[0-9]*.py"))
)


def prose(page):
    """What is neither code nor output; of a tutorial page, the cells of Markdown."""
    text = (ROOT / page).read_text(encoding="utf-8")
    if page.endswith(".py"):
        cells = re.split(r"^# %%", text, flags=re.MULTILINE)
        text = "\n".join(re.sub(r"^# ?", "", cell, flags=re.M) for cell in cells if cell.startswith(" [markdown]"))
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(page):
    """What GitHub calls the headings of a page: small letters, hyphens for spaces, and no other signs."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def targets(page):
    """What is linked to or shown, in Markdown and in HTML."""
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:href|src)="([^"]+)"', text)


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_somewhere(page):
    for target in targets(page):
        if re.match(r"[a-z]+:", target):
            continue  # to elsewhere
        path, _, anchor = target.partition("#")
        file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert file.exists(), f"{page} links to {target}"
        assert not anchor or anchor in anchors(file.relative_to(ROOT).as_posix()), f"{page} links to {target}"


def test_the_tutorial_is_among_the_pages_and_its_links_are_seen():
    assert "mistakes.md#clipping-in-the-wrong-place" in "\n".join(targets("docs/tutorial/5_clipping.py"))


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_every_page_is_reached_from_the_first_one(page):
    """By links alone, without the navigation of the site, which GitHub does not have."""
    reached, waiting = set(), [page]
    while waiting:
        here = waiting.pop()
        if here in reached or here not in PAGES:
            continue
        reached.add(here)
        for target in targets(here):
            path = target.partition("#")[0]
            if path and not re.match(r"[a-z]+:", target):
                waiting.append(((ROOT / here).parent / path).resolve().relative_to(ROOT).as_posix())
    assert not {one for one in PAGES if one.startswith("docs/")} - reached
