"""The site of the documents and the API reference: ``make docs``.

The source folder is the whole project, so that a link between two documents works on the site as
it does in the repository.
"""

import importlib
import pkgutil
import sys
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner
from pygments.lexers.special import TextLexer
from sphinx.util import logging

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import softlabels  # noqa: E402
from softlabels.cli.group import COMMANDS, main  # noqa: E402

logger = logging.getLogger(__name__)
PACKAGES = [
    f"softlabels.{module.name}"
    for module in pkgutil.iter_modules(softlabels.__path__)
    if module.ispkg and module.name != "cli"  # its commands have a page of another kind
]

project = "softlabels"
author = "the softlabels authors"
release = version = softlabels.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
root_doc = "README"
include_patterns = [
    "*.md",
    "docs/*.md",
    "docs/*/*.md",
    "docs/images/*",
    "benchmarks/README.md",
    "recipes/*/README.md",
]
exclude_patterns = [".*", "build", "dist", "**/results"]

myst_heading_anchors = 4  # links to headings are those of the repository's pages
default_role = "py:obj"  # `name` in a docstring is a link where there is something to link to

autodoc_typehints = "none"  # the docstrings have types that are meant for people
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autosummary_generate = False
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"softlabels {release}"
html_additional_pages = {"index": "index.html"}
templates_path = ["templates"]
html_copy_source = False

html_css_files = ["site.css"]
html_static_path = ["static"]

CONTENTS = (ROOT / "docs/contents.txt").read_text("utf-8")


def add_to_source(app: Any, name: str, source: list[str]) -> None:
    """Give the README, the site's first page, the list of all pages, and commands their help."""
    if name == root_doc:
        source[0] += CONTENTS
    if name == "docs/reference/commands":
        source[0] += "".join(map(command_help, COMMANDS))


def command_help(command: click.Command) -> str:
    """Return a section of a command's help, as a terminal shows it."""
    words = [command.name or "", "--help"]
    shown = CliRunner().invoke(main, words, prog_name="softlabels", terminal_width=86)
    return f"\n## {command.name}\n\n```text\n{shown.output}```\n"


def check_names(app: Any, env: Any) -> None:
    """Warn of public names that are not in the reference; a warning fails the build."""
    for package in PACKAGES:
        for name in getattr(importlib.import_module(package), "__all__", []):
            if f"{package}.{name}" not in env.domains.python_domain.objects:
                logger.warning("the reference has no %s.%s", package, name)


def setup(app: Any) -> None:
    """Connect the above, and leave CSV blocks without colours: Pygments has none for them."""
    app.connect("source-read", add_to_source)
    app.connect("env-check-consistency", check_names)
    app.add_lexer("csv", TextLexer)
