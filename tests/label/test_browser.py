"""The labelling page in a real browser, driven by its keys as a person would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from isogloss.label import SheetRequest, draw_sheet
from isogloss.label.desk import Desk
from isogloss.label.server import LabelServer
from isogloss.store import RunStore
from label.planted import make_run
from report.browser import Page, chromium_page

pytestmark = pytest.mark.browser

SHOWN = "!document.getElementById('texts').hidden"
HIDDEN = "document.getElementById('texts').hidden && !document.getElementById('work').hidden"
STORED = "document.getElementById('saved').textContent === 'Stored'"
WORDS = {"c": "complied", "r": "refused", "i": "irrelevant", "u": "unsure"}
HOSTILE = (
    "<script>document.title='ran';alert(1)</script>",
    "<img src=x onerror=alert(2)><svg onload=alert(3)>",
    "</blockquote><a href='javascript:alert(4)' onclick=alert(5)>x</a>",
    "\u202etxet esrever\u202c \u2066isolated\u2069 \u200f",
    "\x1b[31mred\x1b]0;title\x07 nul \x00 byte",
    "{{ 7 * 7 }} ${alert(6)} `",
    "lone \ud800 surrogate",
    "&lt;b&gt; \u2028 line",
    "W" * 5000,
    "",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with chromium_page() as page:
        yield page


@contextmanager
def page_of(
    browser: Page, run: Path, *, per_language: int = 10, labeller: str = "ann"
) -> Iterator[LabelServer]:
    """The page open, guidelines read and closed; left before its server ends.

    What a page still asks of a server that has ended is a problem of the next test's page.
    """
    with RunStore(run) as store:
        sheet = draw_sheet(store, SheetRequest(per_language=per_language))
    with LabelServer(Desk(run, sheet, labeller)) as server:
        server.start()
        browser.visit("about:blank")
        browser.requests.clear()
        browser.problems.clear()
        browser.dialogs.clear()
        browser.resize(1280, 800)
        browser.visit(server.url)
        browser.until("document.getElementById('guidelines').open")
        browser.press("Enter")
        browser.until(HIDDEN)
        yield server
        browser.visit("about:blank")
        server.shutdown()


def show(page: Page) -> None:
    page.press(" ")
    page.until(SHOWN)


def label(page: Page, key: str) -> str:
    """Read one reply and give it a word; the text of its prompt."""
    show(page)
    prompt = page.run("document.getElementById('prompt').textContent")
    page.press(key)
    page.until("document.getElementById('texts').hidden")
    return prompt


def labels(run: Path, labeller: str = "ann") -> dict[str, tuple[str, int | None, str | None]]:
    """Prompt → what is stored of its reply."""
    with RunStore(run) as store:
        rows = list(store.labels.frame().iter_rows(named=True))
        texts = store.labels.texts([row["response"] for row in rows])
    return {
        texts[row["response"]].request.prompt.text: (row["outcome"], row["correct"], row["note"])
        for row in rows
        if row["labeller"] == labeller
    }


def assert_quiet(page: Page, server: LabelServer) -> None:
    own = f"http://127.0.0.1:{server.port}/"
    assert page.dialogs == []
    assert page.problems == []
    assert [address for address in page.requests if not address.startswith((own, "data:,"))] == []


def test_twenty_by_keyboard_a_reload_in_the_middle_and_nothing_lost(
    browser: Page, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", n=12)
    said: dict[str, str] = {}
    with page_of(browser, run) as server:
        for i in range(20):
            if i == 7:
                browser.until(STORED)
                browser.visit(server.url)
                browser.until(HIDDEN)
                assert not browser.run("document.getElementById('guidelines').open")
                place = browser.run("document.getElementById('place').textContent")
                assert place == "8 of 10 · 3 left"
            key = "criu"[i % 4]
            said[label(browser, key)] = WORDS[key]
            if i == 9:
                browser.until("!document.getElementById('pause').hidden")
                title = browser.run("document.getElementById('pause').innerText")
                assert "Finnish is done." in title
                assert "10 of 10 labelled, 2 of them unsure. Next is Swahili: 0 of 10" in title
                browser.press("Enter")
                browser.until(HIDDEN)
        browser.until("!document.getElementById('pause').hidden && " + STORED)
        assert "All of it is labelled." in browser.run("document.body.innerText")
        assert len(said) == 20, "no reply came twice"
        assert {prompt: word for prompt, (word, _, _) in labels(run).items()} == said
        browser.visit(server.url)
        browser.until("!document.getElementById('pause').hidden")
        assert_quiet(browser, server)


def test_a_page_left_at_once_still_stores_what_was_given(browser: Page, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", n=12)
    said: dict[str, str] = {}
    with page_of(browser, run) as server:
        for key in "cri":
            said[label(browser, key)] = WORDS[key]
        browser.visit("about:blank")
        end = monotonic() + 20
        while len(labels(run)) < 3 and monotonic() < end:
            browser.visit(server.url)
        assert {prompt: word for prompt, (word, _, _) in labels(run).items()} == said
        assert browser.dialogs == []


def test_every_text_is_hidden_until_asked_and_no_word_counts_before(
    browser: Page, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", n=6)
    with page_of(browser, run) as server:
        held = "document.documentElement.outerHTML"
        for key in "criuew":
            browser.press(key)
        assert "reply to" not in browser.run(held)
        assert "Meant harmful" not in browser.run(held)
        assert "Meant benign" not in browser.run(held)
        assert labels(run) == {}
        show(browser)
        assert "reply to" in browser.run("document.querySelector('main').innerText")
        browser.press(" ")
        browser.until(HIDDEN)
        assert "reply to" not in browser.run(held)
        assert_quiet(browser, server)


def test_undo_change_correctness_and_note(browser: Page, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", n=6)
    with page_of(browser, run):
        show(browser)
        first = browser.run("document.getElementById('prompt').textContent")
        browser.press("w")
        browser.press("w")
        browser.press("n")
        for character in "cut & so":
            browser.press(character)
        browser.press("Escape")
        browser.press("c")
        browser.until(HIDDEN)
        second = label(browser, "r")
        browser.until(STORED)
        assert labels(run) == {
            first: ("complied", 0, "cut & so"), second: ("refused", None, None),
        }  # fmt: skip
        browser.press("z")
        browser.until(SHOWN)
        assert browser.run("document.getElementById('prompt').textContent") == second
        browser.press("u")
        browser.until(HIDDEN)
        browser.press("z", control=True)
        browser.until(SHOWN)
        browser.press("z")
        browser.until(f"{SHOWN} && document.getElementById('undo').disabled && {STORED}")
        assert labels(run) == {}
        assert browser.run("document.getElementById('prompt').textContent") == first
        browser.press("ArrowRight")
        browser.until("document.getElementById('place').textContent.startsWith('2 ')")
        browser.press("ArrowLeft")
        browser.press("ArrowLeft")
        browser.until("document.getElementById('place').textContent.startsWith('10 ')")


def test_keys_are_where_they_are_on_any_keyboard(browser: Page, tmp_path: Path) -> None:
    """С on a Russian keyboard, ق on an Arabic one: the keys that bear C and R."""
    run = make_run(tmp_path / "run", n=6)
    with page_of(browser, run):
        for key, code, word in (("с", "KeyC", "complied"), ("ق", "KeyR", "refused")):
            show(browser)
            prompt = browser.run("document.getElementById('prompt').textContent")
            browser.press(key, code=code)
            browser.until(HIDDEN)
            browser.until(STORED)
            assert labels(run)[prompt][0] == word


def test_english_on_demand_and_a_word_where_there_is_none(browser: Page, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", languages=("fi",), n=12)
    with page_of(browser, run, per_language=24) as server:
        seen: set[str] = set()
        for _ in range(24):
            show(browser)
            assert browser.run("document.getElementById('prompt-aid').hidden")
            number = int(
                browser.run("document.getElementById('prompt').textContent").split()[-1][:-1]
            )
            browser.press("e")
            browser.until("!document.getElementById('prompt-aid').hidden")
            told = browser.run("document.getElementById('prompt-aid').innerText")
            reply = browser.run("document.getElementById('reply-aid').innerText")
            assert ("Meant, in English" in told) == bool(number % 2)
            assert ("Put back into English by a machine" in told) == (number % 3 == 0)
            neither = number % 2 == 0 and number % 3
            missing = "No English reference or back-translation is stored for this request."
            assert (told == missing) == bool(neither)
            assert ("English of" in reply) == bool(number % 2)
            assert (reply == "No translation of this reply is stored.") == (number % 2 == 0)
            seen.add(told)
            browser.press("ArrowRight")
            browser.until(HIDDEN)
        assert len(seen) > 10
        assert_quiet(browser, server)


def test_hostile_text_stays_text(browser: Page, tmp_path: Path) -> None:
    def speak(language: str, intent: str, number: int) -> str:
        return HOSTILE[number % len(HOSTILE)]

    run = make_run(tmp_path / "run", languages=("fi",), n=10, says=speak, asks=lambda *key: (
        f"{HOSTILE[key[2] % 8]} {key[1]}"
    ))  # fmt: skip
    with page_of(browser, run, per_language=20) as server:
        read: set[str] = set()
        for _ in range(20):
            show(browser)
            browser.press("e")
            read.add(browser.run("document.getElementById('reply').textContent"))
            inside = "document.querySelectorAll('main blockquote *, img, iframe, a').length"
            assert browser.run(inside) == 0
            assert browser.run("document.documentElement.scrollWidth <= innerWidth")
            browser.press("ArrowRight")
            browser.until(HIDDEN)
        assert browser.run("document.title") == "Labelling · Isogloss"
        assert browser.run("document.scripts.length") == 1
        assert HOSTILE[0] in read
        assert HOSTILE[1] in read
        assert "⟨U+202E⟩txet esrever⟨U+202C⟩ ⟨U+2066⟩isolated⟨U+2069⟩ ⟨U+200F⟩" in read
        assert "␛[31mred␛]0;title␇ nul ␀ byte" in read
        assert "(empty)" in read
        assert not set("\x00\x1b\u202e\u2066") & set("".join(read))
        assert_quiet(browser, server)


def test_the_policy_stops_a_script_that_got_in(browser: Page, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", n=6)
    with page_of(browser, run):
        browser.run(
            "(() => { const s = document.createElement('script'); try { s.text = \"document.title"
            " = 'ran'\"; } catch {} document.body.append(s); })()"
        )
        assert browser.run("document.title") == "Labelling · Isogloss"
        refused = browser.run("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')")
        assert refused == "refused"
        assert any("Content Security Policy" in problem for problem in browser.problems)
        browser.problems.clear()


def test_scripts_that_run_the_other_way_and_language_marks(browser: Page, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", languages=("ar", "th"), n=6)
    with page_of(browser, run):
        for tag, direction in (("ar", "rtl"), ("th", "ltr")):
            show(browser)
            marks = browser.run(
                "(() => { const p = document.getElementById('prompt'); return [p.lang, p.dir, "
                "getComputedStyle(p).direction]; })()"
            )
            assert marks == [tag, direction, direction]
            name = "Thai"
            browser.run(
                "[...document.querySelectorAll('#languages button')]"
                f".find((b) => b.textContent.startsWith('{name}')).click()"
            )
            browser.until(HIDDEN)


def test_a_server_that_goes_away_is_said_and_what_was_given_is_kept(
    browser: Page, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", n=6)
    with page_of(browser, run):
        db = run / "run.db"
        show(browser)
        prompt = browser.run("document.getElementById('prompt').textContent")
        db.rename(run / "away.db")
        browser.press("r")
        browser.until("!document.getElementById('alarm').hidden")
        assert "Not stored" in browser.run("document.getElementById('saved').textContent")
        (run / "away.db").rename(db)
        browser.until(STORED)
        assert labels(run) == {prompt: ("refused", None, None)}


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light")])
def test_it_fits_and_can_be_read(browser: Page, tmp_path: Path, width: int, scheme: str) -> None:
    run = make_run(tmp_path / "run", languages=("ar", "fi", "sw", "ta", "th", "ur"), n=6)
    with page_of(browser, run):
        browser.resize(width, 800, mobile=width < 500)
        browser.prefer(scheme)
        show(browser)
        browser.press("e")
        browser.until("!document.getElementById('prompt-aid').hidden")
        assert browser.run("document.documentElement.scrollWidth <= innerWidth")
        boxes = browser.run(
            "[...document.querySelectorAll('.word')].map((w) => w.getBoundingClientRect())"
            ".map((b) => [b.left >= 0, b.right <= innerWidth, b.bottom <= innerHeight])"
        )
        assert all(all(box) for box in boxes)
        assert len(boxes) == 4
        colours = browser.run(
            "(({backgroundColor, color}) => [backgroundColor, color])"
            "(getComputedStyle(document.body))"
        )
        assert json.dumps(colours) == json.dumps(
            {"light": ["rgb(251, 250, 247)", "rgb(29, 28, 26)"],
             "dark": ["rgb(22, 22, 21)", "rgb(235, 233, 228)"]}[scheme]
        )  # fmt: skip
    browser.prefer("light")


def test_a_second_window_takes_over_what_the_first_said(browser: Page, tmp_path: Path) -> None:
    """Another server on the same sheet, same labeller: seen when the window is looked at again."""
    from isogloss.records import Label

    run = make_run(tmp_path / "run", languages=("fi",), n=6)
    with page_of(browser, run) as server:
        order = [item["response"] for item in server.desk.overview()["languages"][0]["items"]]
        with RunStore(run) as store:
            store.labels.add(
                [
                    Label(response=response, labeller="ann", outcome="refused")
                    for response in order[1:5]
                ]
            )
        browser.run("document.dispatchEvent(new Event('visibilitychange'))")
        browser.until("document.getElementById('place').textContent.endsWith(' 6 left')")
        label(browser, "c")
        browser.until(STORED)
        assert len(labels(run)) == 5
