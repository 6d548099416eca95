"""How the pages are built: Sphinx with MyST, in a theme that needs no network. Knows nothing of what stands in them."""

from __future__ import annotations

from sessmig import __version__

project = "sessmig"
version = release = __version__
project_copyright = "The sessmig maintainers"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4  # `page.md#a-heading` links as it does where Markdown is read without a build
exclude_patterns = ["_build"]
# The blocks that show SQL, consoles and settings are held by tests; what Pygments cannot colour is no error.
suppress_warnings = ["misc.highlighting_failure"]

default_role = "code"  # as the docstrings have it
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True

toc_object_entries = False  # the names of all attributes would bury the pages
html_theme = "alabaster"
html_theme_options = {
    "description": "Plain-SQL migrations that prove no row was lost",
    "fixed_sidebar": True,
    "page_width": "68rem",
    "sidebar_width": "18rem",
}
html_show_sourcelink = False
html_show_copyright = False
