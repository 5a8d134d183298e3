"""Many charts in rows and columns as one specification.

Altair copies a chart and all that is in it at every concat, layer and configuration: of the seven
panels of a page of concepts, each with its rows, it made six million copies in half a minute. Here
each panel becomes plain data once, and the rows are named and kept apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt

from isogloss.charts.render import Specification, styled

Row = dict[str, Any]


class Tables:
    """Rows by name.

    Example:
        ``tables = Tables(); panel = alt.Chart(tables.put(rows)); grid([[panel]], tables)``
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}

    def put(self, rows: Sequence[Row]) -> alt.NamedData:
        """Keep ``rows`` and give what a chart refers to them by."""
        name = f"rows{len(self.rows)}"
        self.rows[name] = list(rows)
        return alt.NamedData(name=name)


def grid(
    panels: Sequence[Sequence[Any]], tables: Tables, *, across: int = 20, down: int = 20
) -> Specification:
    """Panels in rows, in the house style, with the rows they refer to.

    Args:
        panels: Altair charts, row by row.
        tables: what they refer to.
        across, down: pixels between them.
    """
    rows = [
        {"hconcat": [_plain(panel) for panel in row], "spacing": across} for row in panels if row
    ]
    return {**_frame(), "vconcat": rows, "spacing": down, "datasets": tables.rows}


def _plain(panel: Any) -> dict[str, Any]:
    made: dict[str, Any] = panel.to_dict(validate=False)
    return {name: value for name, value in made.items() if name not in {"$schema", "config"}}


@cache
def _frame() -> dict[str, Any]:
    """Schema and configuration of any chart of the house."""
    empty = styled(alt.concat(alt.Chart(alt.NamedData(name="none")).mark_point()))
    made: dict[str, Any] = empty.to_dict(validate=False)
    return {name: made[name] for name in ("$schema", "config")}
