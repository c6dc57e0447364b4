"""What mkdocs calls while it builds the site: pages that are made by code are added, formulas and links are seen to."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from scripts.site import formulas, gallery, links, notebook, reference

_STYLE = "assets/rnnx.css"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The style lies beside this file; the pages of the reference follow from the modules that there are."""
    config.extra_css.append(_STYLE)
    (place,) = (entry for entry in config.nav or () if "Reference" in entry)
    place["Reference"] = reference.nav()
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Tutorial, reference and what lies outside `docs/`."""
    tutorial = Path(config.docs_dir, "tutorial")
    pages: dict[str, str] = {}
    for source in sorted(tutorial.glob("[0-9]*.py")):
        cells = notebook.run(source)
        uri = f"tutorial/{source.stem}.md"
        pages[uri] = notebook.page(cells, f"{source.stem}.ipynb")
        files.append(File.generated(config, f"tutorial/{source.stem}.ipynb", content=notebook.ipynb(cells, uri)))
    pages |= reference.pages()
    for uri, content in pages.items():
        files.append(File.generated(config, uri, content=content))
    written = {file.src_uri: file.content_string for file in files.documentation_pages()}
    for uri, path in links.outside(written).items():
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    style = Path(__file__).with_name("style.css")
    files.append(File.generated(config, _STYLE, content=style.read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links lead to where things lie in the site; the gallery gets its pictures."""
    uri = page.file.src_uri
    if not uri.startswith(f"{reference.FOLDER}/"):
        markdown = links.rewritten(markdown, uri)
    if uri == "gallery.md":
        pictures = gallery.pictures()
        markdown = re.sub(r"<!-- picture: (\w+) -->", lambda found: pictures[found[1]], markdown)
    return markdown


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Formulas are drawn."""
    return formulas.drawn(html)
