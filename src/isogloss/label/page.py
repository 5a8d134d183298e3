"""The labelling page: one HTML file with its style and script inside, and the policy that holds it.

It holds no text of the run: the script asks for each reply when it is wanted, and puts it in as
text, never as markup.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from isogloss.charts.palette import palette_css
from isogloss.label.classes import CLASSES, GROUND_RULES
from isogloss.label.labeller import LONGEST_NOTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The page and its Content-Security-Policy."""

    html: bytes
    policy: str


@cache
def labelling_page() -> Page:
    """The same for every run, labeller and token."""
    style = palette_css() + _source("style.css")
    script = _source("page.js")
    environment = Environment(
        loader=PackageLoader("isogloss.label", "site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    html = environment.get_template("page.html.jinja").render(
        classes=CLASSES,
        ground_rules=GROUND_RULES,
        longest_note=LONGEST_NOTE,
        style=Markup(style),
        script=Markup(script),
    )
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return Page(html=html.encode(), policy=policy)


def _source(name: str) -> str:
    return files("isogloss.label").joinpath("site", name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
