"""Pictures as part of a page: they take its colours, so that they are readable in the dark too."""

import html
import io
import re

import matplotlib
from matplotlib.figure import Figure


def svg(figure: Figure, alternative: str) -> str:
    """An `<svg>` element with black as the colour of the page's text, and white as that of its ground.

    Args:
      figure: what is drawn.
      alternative: what the picture shows, for those who don't see it.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # letters, and not their outlines
        figure.savefig(buffer, format="svg", transparent=True)
    picture = buffer.getvalue()
    picture = picture[picture.index("<svg ") :]
    picture = re.sub(r"<metadata>.*?</metadata>", "", picture, flags=re.DOTALL)
    picture = re.sub(r'<g id="[^"]*"', "<g", picture)  # names that come again in the next picture
    picture = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", picture, count=1)
    picture = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", picture, count=1)
    width = figure.get_size_inches()[0] * 72
    named = f'<svg class="picture" role="img" aria-label="{html.escape(alternative)}" style="max-width: {width:.0f}pt" '
    picture = picture.replace("<svg ", named, 1)
    # matplotlib leaves the fill out where it is black.
    picture = re.sub(r"#000000|#262626|\bblack\b", "currentColor", picture)
    picture = re.sub(r"#ffffff\b", "var(--md-default-bg-color, white)", picture)
    return re.sub(r"\n\s*", " ", picture).strip()
