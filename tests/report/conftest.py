"""Runs and a browser, made once a session: a page takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from isogloss.report.page import build_report
from report.browser import Page, chromium_page
from report.synthetic import LAB_SHARES, REAL, lab_table, make_run, real_table

HOSTILE = (
    "<script>document.title='ran';alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<!-- <script> <![CDATA[ --> <img src=x onerror=alert(3)>",
    "\x1b[31mred\x1b]0;title\x07\x1b[2J",
    "\u202etxet esrever\u202c \u2066isolated\u2069 \u200f",
    "A" * 100_000,
    "lone \ud800 surrogate \udfff",
    "null \x00 byte",
    '=HYPERLINK("http://example.invalid","x")',
    "{{ 7 * 7 }} {% raw %} ${alert(4)} `",
    "&lt;b&gt; \u2028 line \u2029 paragraph <a href='javascript:alert(5)'>x</a>",
    "<svg onload=alert(6)><style>@import 'http://example.invalid/x.css'</style>",
    "",
)


@pytest.fixture(scope="session")
def lab_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen lab languages, 2,880 replies, and its page."""
    tags = tuple(f"{code}-x-lab" for code in LAB_SHARES)
    folder = make_run(tmp_path_factory.mktemp("lab"), table=lab_table(), tags=tags, n_prompts=90)
    build_report(folder)
    return folder


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real languages, right-to-left ones too, and a model that says the worst."""
    folder = tmp_path_factory.mktemp("hostile")
    make_run(folder, table=real_table(), tags=REAL, n_prompts=30, replies=HOSTILE, hostile=True)
    build_report(folder)
    return folder


@pytest.fixture
def browser() -> Iterator[Page]:
    with chromium_page() as page:
        yield page
