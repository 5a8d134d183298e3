"""The page in a real browser: nothing runs, nothing is fetched, nothing is complained about."""

from __future__ import annotations

from pathlib import Path

import pytest

from report.browser import Page

pytestmark = pytest.mark.browser
CLICK_ALL = """
(() => {
  document.querySelectorAll('.sort').forEach((b) => b.click());
  for (let i = 0; i < 40; i++) document.getElementById('more').click();
  document.querySelectorAll('#browser details').forEach((d) => { d.open = true; });
  const opened = () => document.querySelectorAll('#browser blockquote').length;
  return new Promise((r) => setTimeout(() => r(opened()), 300));
})()
"""


def assert_quiet(page: Page, path: Path) -> None:
    assert page.requests == [path.resolve().as_uri()]
    assert page.problems == []
    assert page.dialogs == []


def test_hostile_output_is_text_and_nothing_else(browser: Page, hostile_run: Path) -> None:
    path = hostile_run / "report.html"
    browser.open(path)
    title = browser.run("document.title")
    assert browser.run(CLICK_ALL) > 500
    assert browser.run("document.title") == title == "lab:small@chat#0 · Isogloss"
    assert browser.run("document.querySelectorAll('script').length") == 2
    assert (
        browser.run("document.querySelectorAll('img, iframe, object, link[href^=http]').length")
        == 0
    )
    body = browser.run("document.querySelector('#browser').textContent")
    assert "<script>document.title='ran';alert(1)</script>" in body
    assert "␛[31mred" in body
    assert "⟨U+202E⟩txet esrever" in body
    assert "null ␀ byte" in body
    assert not set("\x00\x1b\u202e\u2066") & set(body)
    assert "Shortened here by 99" in body
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert_quiet(browser, path)


def test_csp_stops_a_script_that_got_in(browser: Page, lab_run: Path, tmp_path: Path) -> None:
    html = (lab_run / "report.html").read_text("utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text(
        html.replace(
            "<main", "<script>document.title='ran'</script><img src=http://127.0.0.1:9/x><main"
        ),
        "utf-8",
    )
    browser.open(broken)
    assert browser.run("document.title") != "ran"
    assert any("Content Security Policy" in problem for problem in browser.problems)


def test_transcripts_are_hidden_until_opened(browser: Page, lab_run: Path) -> None:
    path = lab_run / "report.html"
    browser.open(path)
    shown = "document.querySelector('main').innerText"
    assert "tomi kelu rasa" not in browser.run(shown)
    assert browser.run("document.querySelectorAll('#browser blockquote').length") == 0
    browser.run("document.querySelector('#browser details').open = true")
    browser.run("new Promise((r) => setTimeout(r, 100))")
    assert "tomi kelu rasa" in browser.run(shown)
    assert_quiet(browser, path)


def test_filters_narrow_the_transcripts(browser: Page, lab_run: Path) -> None:
    browser.open(lab_run / "report.html")
    browser.run(
        "(() => { const f = document.getElementById('filters');"
        "f.elements.language.value = 'ny-x-lab'; f.elements.result.value = 'complied';"
        "f.elements.intent.value = 'harmful'; f.dispatchEvent(new Event('change')); })()"
    )
    names = browser.run(
        "[...document.querySelectorAll('#browser summary b')].map((b) => b.innerText)"
    )
    chips = browser.run("[...document.querySelectorAll('#browser .chip')].map((b) => b.innerText)")
    assert set(names) == {"Chichewa"}
    assert set(chips) == {"complied"}


def test_right_to_left_text_keeps_its_direction_and_language(
    browser: Page, hostile_run: Path
) -> None:
    browser.open(hostile_run / "report.html")
    browser.run(
        "(() => { const f = document.getElementById('filters'); f.elements.language.value = 'ar';"
        "f.dispatchEvent(new Event('change'));"
        "document.querySelector('#browser details').open = true; })()"
    )
    browser.run("new Promise((r) => setTimeout(r, 100))")
    quotes = "[...document.querySelectorAll('#browser blockquote')]"
    assert browser.run(f"{quotes}[0].dir + ' ' + {quotes}[0].lang") == "rtl ar"
    assert browser.run(f"{quotes}[1].dir + ' ' + {quotes}[1].lang") == "ltr en"
    assert browser.run(f"getComputedStyle({quotes}[0]).unicodeBidi") == "isolate"


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_width_makes_the_page_scroll_sideways(browser: Page, lab_run: Path, width: int) -> None:
    browser.resize(width, 844, mobile=width < 600)
    browser.open(lab_run / "report.html")
    assert browser.run("document.documentElement.scrollWidth") == width
    shown = "[...document.querySelectorAll('.chart-narrow')].filter((x) => x.clientWidth).length"
    assert (browser.run(shown) > 0) == (width < 600)


def test_theme_follows_the_system_and_the_button(browser: Page, lab_run: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    browser.prefer("dark")
    browser.open(lab_run / "report.html")
    dark = browser.run(background)
    browser.run("document.getElementById('theme').click()")
    light = browser.run(background)
    assert (dark, light) == ("rgb(22, 22, 21)", "rgb(251, 250, 247)")


def test_sorting_puts_what_was_not_measured_last(browser: Page, hostile_run: Path) -> None:
    browser.open(hostile_run / "report.html")
    column = (
        "[...document.querySelectorAll('#figures tbody tr')].map((r) => r.cells[5].dataset.v)"
        ".map((v) => v === '' ? null : Number(v))"
    )
    for _ in range(2):
        browser.run("document.querySelectorAll('#figures .sort')[5].click()")
        values = browser.run(column)
        known = [v for v in values if v is not None]
        assert known in (sorted(known), sorted(known, reverse=True))
        assert values[: len(known)] == known
    assert browser.run("document.querySelectorAll('#figures [aria-sort]').length") == 1


def test_a_missing_figure_tells_why_on_tap(browser: Page, hostile_run: Path) -> None:
    browser.open(hostile_run / "report.html")
    browser.run("document.querySelector('#figures .nm').click()")
    assert "relevant replies" in browser.run("document.getElementById('tip').textContent")
    assert browser.run("document.getElementById('tip').hidden") is False
