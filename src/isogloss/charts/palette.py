"""One palette for pictures and page: every colour has a name, a light value and a dark value.

The categorical colours stay apart under the three common colour-vision deficiencies (orange and
blue carry the outcomes, the rest differ in lightness), and no statement rests on colour alone.
"""

from __future__ import annotations

FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif"
)

PALETTE: dict[str, tuple[str, str]] = {
    "ink": ("#1d1c1a", "#ebe9e4"),
    "muted": ("#67635b", "#a5a196"),
    "rule": ("#dbd6cc", "#3b3935"),
    "paper": ("#fbfaf7", "#161615"),
    "panel": ("#fffffe", "#1e1e1c"),
    "accent": ("#a8430a", "#f49a5b"),
    "complied": ("#d3590f", "#ee8540"),
    "refused": ("#2c6aa6", "#5f9fdb"),
    "irrelevant": ("#c8c2b3", "#5b574e"),
    "blocked": ("#8dbbe0", "#a9d0ef"),
    "error": ("#45423d", "#d3cfc5"),
    "unjudged": ("#e6c42e", "#e2c64d"),
    "pending": ("#eeebe3", "#2c2b28"),
    "harmful-rate": ("#97305c", "#dd7aa5"),
    "following-rate": ("#1d766a", "#4fb8a8"),
    "on-dark": ("#fffffd", "#141413"),
    "on-light": ("#2a2824", "#f3f1ec"),
}
"""Name → (light, dark). Light values are unique: `render.inline_svg` maps them back to names."""

HEAT_LIGHT = (
    "#f8f0e4", "#fae5cd", "#f8d5b2", "#f4be8c", "#eea467",
    "#e48845", "#d46c29", "#b95218", "#953c10", "#6e2a0b",
)  # fmt: skip
HEAT_DARK = (
    "#26221e", "#382a1f", "#4f331f", "#683c1c", "#834618",
    "#a05315", "#be6518", "#d97d2b", "#ee9a50", "#ffbb83",
)  # fmt: skip
FIRST_LIGHT_TEXT = 6
"""From this heat class on, light-theme text is light; in the dark theme text turns dark there."""

DIVERGING_LIGHT = (
    "#1f4f80", "#4a7fb3", "#86acd2", "#c3d8ea", "#f1eee7",
    "#f6dcc3", "#eeb383", "#c8692a", "#a94a12",
)  # fmt: skip
DIVERGING_DARK = (
    "#a9d0f5", "#6ea3d6", "#44719e", "#2b4560", "#2b2a27",
    "#4a3423", "#7c4a20", "#b86a28", "#ffb37a",
)  # fmt: skip
"""Below zero blue, above zero orange, nine classes with zero in the middle."""

TIER_SHAPES = {
    "english": "diamond",
    "high": "circle",
    "medium": "square",
    "low": "triangle-down",
    "unknown": "cross",
}
TIER_COLOURS = {
    "english": "ink",
    "high": "refused",
    "medium": "following-rate",
    "low": "complied",
    "unknown": "muted",
}
"""Names of the palette."""

SHADES: dict[str, tuple[str, str]] = {
    **{f"heat-{i}": pair for i, pair in enumerate(zip(HEAT_LIGHT, HEAT_DARK, strict=True))},
    **{
        f"diverging-{i}": pair
        for i, pair in enumerate(zip(DIVERGING_LIGHT, DIVERGING_DARK, strict=True))
    },
}
"""Classes of shaded cells by name → (light, dark)."""


def light(name: str) -> str:
    """The light-theme value of a named colour or shade."""
    return (PALETTE.get(name) or SHADES[name])[0]


def heat_class(rate: float) -> int:
    """Which of the ten heat classes a rate in [0, 1] falls in; class i is [i/10, (i+1)/10)."""
    return min(9, max(0, int(rate * 10 + 1e-9)))


def diverging_class(value: float, reach: float) -> int:
    """Which of the nine classes a signed value falls in; ``reach`` and beyond take the ends."""
    return round(4 + 4 * max(-1.0, min(1.0, value / reach)))


def shade_ink(shade: str) -> str:
    """The name of the colour that text on a shade has."""
    kind, number = shade.rsplit("-", 1)
    strong = abs(int(number) - 4) > 2 if kind == "diverging" else int(number) >= FIRST_LIGHT_TEXT
    return "on-dark" if strong else "on-light"


def palette_css() -> str:
    """Custom properties for both themes; the toggle sets ``data-theme`` on the root element."""
    names = PALETTE | SHADES
    day = ";".join(f"--{name}:{pair[0]}" for name, pair in names.items())
    night = ";".join(f"--{name}:{pair[1]}" for name, pair in names.items())
    return (
        f":root{{color-scheme:light;{day}}}"
        "@media screen and (prefers-color-scheme:dark){"
        f":root:not([data-theme=light]){{color-scheme:dark;{night}}}}}"
        f"@media screen{{:root[data-theme=dark]{{color-scheme:dark;{night}}}}}"
    )
