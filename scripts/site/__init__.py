"""The documentation as a site: what mkdocs is given beside the Markdown in `docs/`, and how it is put together."""
