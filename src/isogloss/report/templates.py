"""The page's templates: autoescaping, strict about names, and the filters that write figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from isogloss.printable import printable
from isogloss.records import Measurement
from isogloss.report.numbers import (
    decimal,
    figure,
    figure_interval,
    integer,
    p_value,
    percent,
    points,
)


@cache
def environment() -> Environment:
    """Templates are package files; everything they are given is escaped."""
    made = Environment(
        loader=PackageLoader("isogloss.report", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "decimal": decimal,
        "percent": percent,
        "points": points,
        "integer": integer,
        "figure": figure,
        "interval": figure_interval,
        "p_value": p_value,
        "share": share,
        "printable": printable,
    }
    made.filters.update(filters)  # pyright: ignore[reportUnknownMemberType]
    made.tests["measured"] = _is_measured  # pyright: ignore[reportUnknownMemberType]
    return made


def render(template: str, **values: Any) -> Markup:
    """One template as markup that is safe to put into another."""
    return Markup(environment().get_template(template).render(**values))


def source(name: str) -> str:
    """A file beside the templates as it stands (style sheet, script)."""
    return files("isogloss.report").joinpath("template", name).read_text("utf-8")


def share(percentage: float | None) -> str:
    """A share of pre-training: two significant digits, ``–`` where there is none."""
    if percentage is None:
        return "–"
    return f"{percentage:.0f}\u202f%" if percentage >= 10 else f"{percentage:.2g}\u202f%"


def _is_measured(row: Measurement | None) -> bool:
    return row is not None and row.estimate is not None
