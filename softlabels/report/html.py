"""Renders a page: one file with its style, its script and all that it shows."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, **content: Any) -> str:
    """Render a page that needs no other file and no network.

    Its policy lets a browser run the one script that comes with it, and load nothing but what is
    embedded and linked audio: whatever a name in the content holds.

    Arguments
    ---------
    template : str
        A file of `TEMPLATES`.
    **content
        What the template shows; escaped.
    """
    script = (TEMPLATES / "page.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; media-src data: file:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )
    style = (TEMPLATES / "page.css").read_text("utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["embed"] = lambda file: base64.b64encode(file.read_bytes()).decode()
    environment.filters["unbroken"] = unbroken
    page = environment.get_template(template)
    return page.render(policy=Markup(policy), css=Markup(style), js=Markup(script), **content)


def unbroken(cell: str) -> str:
    r"""Keep numbers and intervals in one piece where a cell's text wraps.

    Example
    -------
    >>> unbroken("63.7 ± 2.1")
    '63.7\xa0±\xa02.1'
    """
    return re.sub(r" (?=[±=<])|(?<=[±=<]) |(?<=,) (?=[+−])", "\u00a0", cell)
