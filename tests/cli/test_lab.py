"""`isogloss lab` and `isogloss demo`, on the model the test run trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.errors import InputError
from isogloss.lab.build import folder_of
from isogloss.lab.modifiers import ARCHITECTURES, PLAIN, SIZES
from isogloss.lab.recipe import parse_spec
from isogloss.store import RunStore

runner = CliRunner()


def test_list_names_presets_mixes_and_what_is_built(tiny_lab: Path) -> None:
    document = json.loads(runner.invoke(app, ["lab", "list", "--json"]).stdout)
    assert set(document["presets"]) == {"tiny", "small", "medium"}
    assert document["mixes"] == ["english", "bilingual", "balanced"]
    built = {lab["spec"]: lab["folder"] for lab in document["built"]}
    assert built["lab:tiny:english@chat#0"] == str(tiny_lab)
    assert "lab:tiny:english@chat#0" in runner.invoke(app, ["lab", "list"]).stdout


def test_describe_a_built_lab(tiny_lab: Path) -> None:
    document = json.loads(runner.invoke(app, ["lab", "describe", "tiny", "--json"]).stdout)
    languages = {language["tag"]: language for language in document["languages"]}
    assert document["is_built"]
    assert sum(language["percent"] for language in languages.values()) == pytest.approx(100)
    assert sum(language["tokens"] for language in languages.values()) == pytest.approx(
        1_200_000, rel=0.02
    )
    # English is most of what the tokenizer saw, so its words break least.
    least = min(languages.values(), key=lambda language: language["fertility"])
    assert least["tag"] == "en-x-lab"
    assert languages["en-x-lab"]["shared_with_english"] == 1
    assert document["tree"]["Indo-European"]["Romance"] == ["fr-x-lab", "es-x-lab"]
    text = runner.invoke(app, ["lab", "describe", "tiny"]).stdout
    assert document["gloss_question"] in text
    assert languages["sw-x-lab"]["question"] in text


def test_describe_builds_nothing() -> None:
    text = runner.invoke(app, ["lab", "describe", "small:balanced#77"]).stdout
    assert "not built yet" in text
    assert "ny-x-lab" in text


def test_describe_says_what_the_modifiers_ask_for() -> None:
    spec = "tiny:en=40+parallel:ta+sw=50k+mix=1.5m+gemma#77"
    text = runner.invoke(app, ["lab", "describe", spec]).stdout
    assert "lab:tiny:en=40+parallel:ta+sw=50k+mix=1.5m+gemma@chat#77: gemma, 120 objects" in text
    assert "every document in English too: ta-x-lab" in text
    assert "tokens of continued pre-training: 50,000 of sw-x-lab, 1,500,000 of mix" in text
    plain = runner.invoke(app, ["lab", "describe", "tiny#77"]).stdout
    for absent in ("English too", "continued", "extra", "llama"):
        assert absent not in plain
    document = json.loads(runner.invoke(app, ["lab", "describe", spec, "--json"]).stdout)
    assert document["extra"] == {"sw-x-lab": 50_000, "mix": 1_500_000}
    assert document["parallel"] == ["ta-x-lab"]
    assert document["architecture"] == "gemma"


def test_describe_tells_continued_tokens_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a card alone: no model is needed to be described."""
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    spec = "lab:tiny:english+sw=50k@base#77"
    folder = folder_of(parse_spec(spec))
    folder.mkdir(parents=True)
    tokens = {"en-x-lab": 9000, "sw-x-lab": 51_234}
    facts = {"tokens": tokens, "extra_tokens": {"sw-x-lab": 50_111}, "n_parameters": 1}
    (folder / "lab.json").write_text(json.dumps(facts))
    text = runner.invoke(app, ["lab", "describe", spec]).stdout
    table = [line.split() for line in text.partition("family tree")[0].splitlines()]
    rows = {words[0]: words for words in table if words}
    assert rows["sw-x-lab"][3:5] == ["51,234", "50,111"]
    assert rows["en-x-lab"][3:5] == ["9,000", "0"]


@pytest.mark.parametrize("command", ["build", "describe"])
def test_help_names_every_modifier(command: str) -> None:
    text = " ".join(runner.invoke(app, ["lab", command, "--help"]).stdout.split())
    for modifier in (*PLAIN, *SIZES, *ARCHITECTURES, "parallel:", "mix=", "sw="):
        assert f"+{modifier}" in text, modifier


def test_build_finds_what_is_in_the_cache(tiny_lab: Path) -> None:
    result = runner.invoke(app, ["lab", "build", "tiny"])
    assert result.stdout == f"lab:tiny:english@chat#0: {tiny_lab}\n"


@pytest.mark.parametrize("verb", [["lab", "build"], ["lab", "describe"], ["demo"]])
def test_unknown_presets_are_refused(verb: list[str]) -> None:
    result = runner.invoke(app, [*verb, "huge"])
    assert result.exit_code == 2
    assert "choose one of tiny, small, medium" in result.stderr
    assert not isinstance(result.exception, InputError)


def test_demo_writes_a_report_and_names_it(tiny_lab: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = runner.invoke(app, ["demo", "tiny", "--out", str(out)])
    assert first.exit_code == 0, first.output
    assert first.stdout.splitlines()[-1] == f"report: {out / 'report.html'}"
    assert (out / "report.html").stat().st_size < 1_500_000
    with RunStore(out) as store:
        before = store.transcripts()
    # 8 languages, 42 test objects, 4 questions about each: of the model as it is, and guarded.
    asked = dict(before.group_by("arm").len().iter_rows())
    assert asked["none"] == asked["guard"] == 8 * 42 * 4
    with RunStore(out) as store:
        areas = {row.area for row in store.measurements()}
    assert areas >= {"audit", "concepts", "control"}
    assert set(before["outcome"]) <= {"complied", "refused", "irrelevant"}
    again = runner.invoke(app, ["demo", "tiny", "--out", str(out)])
    assert again.exit_code == 0
    with RunStore(out) as store:
        assert store.transcripts().equals(before)
