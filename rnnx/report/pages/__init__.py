"""The HTML pages, each a function and a template."""
