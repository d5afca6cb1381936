"""Sphinx configuration: `sphinx-build -W -n docs docs/_build/html`."""

from importlib.metadata import version as version_of


project = "portconf"
author = "The portconf maintainers"
version = release = version_of("portconf")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

smartquotes = False  # values stand in quotes

html_theme = "furo"
html_title = "portconf"
html_copy_source = False
html_show_copyright = False

# Docstrings are free of markup; a name in backticks is code.
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# No inventory is fetched: what is not portconf's cannot be linked.
nitpick_ignore_regex = [
    ("py:.*", r"(?!portconf\.).*"),
    ("py:class", r"portconf\.nox\._Body"),  # a type variable
]
