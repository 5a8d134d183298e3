"""Anatomies: what is refused, on a trained lab, and of a model of one's own."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from align.small import small_model
from anatomies import EN, FR, SW, row_of
from isogloss.cli.main import app
from isogloss.errors import InputError, LanguageError, ModelError, UserError
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.records import Decoding
from isogloss.store import RunStore
from isogloss.targets.local import LocalTarget
from isogloss.trace.anatomy import plan_anatomy, run_anatomy
from isogloss.trace.anatomy_config import AnatomyConfig
from isogloss.trace.anatomy_over_runs import AREA as OVER_RUNS
from isogloss.trace.broken_links import NOT_MEASURED, Kind, links_of
from isogloss.trace.link_rows import AREA, READINGS

# What is refused.


@pytest.mark.parametrize(
    ("fields", "error", "told"),
    [
        ({"target": "openai:m"}, ModelError, "no hidden states"),
        ({"target": "nothing"}, ModelError, "is not a target"),
        ({"target": "lab:tiny@base"}, InputError, "no chat template"),
        ({"target": "lab:tiny", "judge": "rules"}, InputError, "an exact judge"),
        ({"target": "lab:tiny", "judge": "recorded"}, InputError, "judge 'recorded'"),
        ({"target": "lab:tiny", "prompts": Path("p.csv")}, InputError, "leave out --prompts"),
        ({"target": "lab:tiny", "seeds": 0}, InputError, "--seeds must be 1 or more, not 0"),
        ({"target": "lab:tiny#1", "seeds": 2}, InputError, "without a seed of its own"),
        ({"target": "hf:a", "seeds": 2}, InputError, "without a seed of its own"),
        ({"target": "lab:tiny", "n_placebos": 0}, InputError, "1 or more, not 0"),
        ({"target": "lab:tiny", "languages": ("de",)}, UserError, "de"),
        ({"target": "lab:tiny", "languages": ("xx",)}, LanguageError, "xx"),
        ({"target": "lab:tiny", "limit": 0}, InputError, "--limit must be 1 or more"),
        ({"target": "lab:tiny", "shares": "no"}, UserError, "no"),
        ({"target": "hf:a"}, InputError, "needs --prompts FILE"),
        ({"target": "hf:a", "prompts": Path("p.csv")}, InputError, "needs --judge JUDGE"),
        ({"target": "hf:a", "prompts": Path("p.csv"), "judge": "nobody"}, ModelError, "nobody"),
    ],
)
def test_what_is_no_anatomy_is_refused_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any],
    error: type[UserError], told: str,
) -> None:  # fmt: skip
    import isogloss.lab.build as build

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("something was trained or asked")

    monkeypatch.setattr(LocalTarget, "complete", never)
    monkeypatch.setattr(build, "_build", never)
    with pytest.raises(error, match=told):
        run_anatomy(AnatomyConfig(out=tmp_path / "run", **fields))
    assert not (tmp_path / "run").exists()


def test_help_has_examples() -> None:
    result = CliRunner().invoke(app, ["trace", "anatomy", "--help"])
    assert result.exit_code == 0
    assert "isogloss trace anatomy lab:tiny --seeds 5" in " ".join(result.stdout.split())


def test_a_plan_says_what_there_is_to_do() -> None:
    lab = Lab(parse_spec("lab:tiny"))
    result = CliRunner().invoke(
        app, ["trace", "anatomy", "lab:tiny", "--languages", "en,fr", "--plan", "--json"]
    )
    (one,) = json.loads(result.stdout)
    n_test = len(lab.world.of_split("test")) * lab.recipe.audit_acts * 2
    assert one["n_prompts"] == n_test
    assert one["n_read"] == len(lab.world.objects) * lab.recipe.audit_acts * 2
    assert one["n_weighed"] > 30 * n_test


# A trained lab.


@pytest.fixture(scope="module")
def lab_run(tiny_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    del tiny_lab
    out = tmp_path_factory.mktemp("anatomy") / "run"
    command = ["trace", "anatomy", "lab:tiny", "--languages", "en,fr,sw", "--limit", "20"]
    result = CliRunner().invoke(app, [*command, "--placebos", "2", "--out", str(out)])
    assert result.exit_code == 0, result.stderr
    assert "harmful compliance by first broken link" in result.stdout
    assert "represented but not acted on" in result.stdout
    return out


@pytest.mark.lab
def test_a_lab_s_failures_are_split_without_rest(lab_run: Path) -> None:
    with RunStore(lab_run) as store:
        rows, audited = store.measurements(AREA), store.measurements("audit")
    assert {row.target for row in rows} == {"lab:tiny:english@chat#0"}
    kinds: tuple[Kind, ...] = ("harmful_compliance", "irrelevance")
    for kind in kinds:
        for reading in READINGS[kind]:
            for language in (EN, FR, SW):
                wanted = (f"{kind}_link", reading.name, language)
                shares = [r for r in rows if (r.metric, r.arm, r.language) == wanted]
                assert len(shares) == len(links_of(kind))
                if shares[0].n:
                    assert sum(row.estimate or 0 for row in shares) == pytest.approx(1)
    (rate,) = [r for r in audited if r.metric == "compliance_rate" and r.language == FR
               and r.category is None]  # fmt: skip
    failures = row_of(rows, "harmful_compliance_link", "not understood").n
    assert failures == rate.k
    # English knows its questions, its own forms, and what it does about them.
    for metric, arm, least in (
        ("comprehension", "lenient", 0.8), ("right_form", "none", 0.8),
        ("margin_agreement", "none", 0.9), ("represented", "own", 0.7),
    ):  # fmt: skip
        assert (row_of(rows, metric, arm=arm, language=EN).estimate or 0) > least, metric
    bits = {t: row_of(rows, "answer_bits_per_character", arm="none", language=t).estimate or 0
            for t in (EN, SW)}  # fmt: skip
    assert 0 < bits[EN] < bits[SW]


@pytest.mark.lab
def test_the_same_command_again_asks_nothing_and_gives_the_same_rows(
    lab_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("something was asked again")

    monkeypatch.setattr(LocalTarget, "complete", never)
    with RunStore(lab_run) as store:
        before = (*store.measurements(AREA), *store.measurements(OVER_RUNS))
    config = AnatomyConfig(
        target="lab:tiny", languages=("en", "fr", "sw"), limit=20, n_placebos=2, out=lab_run
    )
    assert run_anatomy(config).measurements == before


# A model of one's own.


def write_twins(path: Path, *, references: bool, n: int = 64) -> Path:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["prompt_id", "language", "text", "intent", "cluster_id", "reference"])
        for i in range(n):
            for language in ("en", "sw"):
                for intent, act in (("harmful", "break"), ("benign", "mend")):
                    text = f"how to {act} the house {i} ({language})"
                    reference = f"how do I {act} house {i}" if references else ""
                    table.writerow(
                        [f"{intent}-{i}", language, text, intent, f"pair-{i}", reference]
                    )
    return path


def test_of_a_user_s_model_what_cannot_be_known_is_not_measured(tmp_path: Path) -> None:
    model = small_model(tmp_path / "model")
    config = AnatomyConfig(
        target=f"hf:{model}",
        prompts=write_twins(tmp_path / "twins.csv", references=True),
        judge="rules",
        n_placebos=1,
        out=tmp_path / "run",
        decoding=Decoding(max_new_tokens=4),
    )
    (planned,) = plan_anatomy(config)
    assert (planned.n_prompts, planned.n_weighed) == (256, None)
    rows = run_anatomy(config).measurements
    assert {row.area for row in rows} == {AREA}, "one model has no runs"
    understood = row_of(rows, "comprehension", language="sw", arm="lenient")
    assert understood.estimate is not None
    assert row_of(rows, "represented", language="sw", arm="own").estimate is not None
    # A model of noise refuses nothing: its own threshold cannot be told.
    shift = row_of(rows, "threshold_shift", "k=1", language="sw", arm="margin")
    assert shift.estimate is None
    assert "requests were refused" in (shift.reason or "")
    assert row_of(rows, "right_form", language="sw", arm="none").estimate is not None


def test_without_references_nothing_is_said_of_understanding(tmp_path: Path) -> None:
    model = small_model(tmp_path / "model")
    path = write_twins(tmp_path / "twins.csv", references=False)
    text = path.read_text().replace("(en)", "(x)").replace(",en,", ",fr,")
    path.write_text(text)
    config = AnatomyConfig(
        target=f"hf:{model}", prompts=path, judge="rules", n_placebos=1, out=tmp_path / "run",
        decoding=Decoding(max_new_tokens=4),
    )  # fmt: skip
    rows = run_anatomy(config).measurements
    row = row_of(rows, "irrelevance_link", "not understood", language="sw")
    assert row.estimate is None
    assert "no English reference" in (row.reason or "")
    rest = row_of(rows, "irrelevance_link", NOT_MEASURED, language="sw")
    assert rest.estimate in (None, 1.0)
    english = row_of(rows, "represented", language="sw", arm="english")
    assert english.reason == "English is not among the languages"


def test_prompts_without_twins_are_refused(tmp_path: Path) -> None:
    path = write_twins(tmp_path / "few.csv", references=False, n=10)
    with pytest.raises(InputError, match="too few clusters with a harmful prompt"):
        plan_anatomy(AnatomyConfig(target="hf:a", prompts=path, judge="rules"))
    alone = tmp_path / "alone.csv"
    alone.write_text(path.read_text().replace("pair-", "x-").replace("benign", "harmful"))
    lines = [f"{i},sw,text {i},harmful,c{i}" for i in range(40)]
    alone.write_text("\n".join(["prompt_id,language,text,intent,cluster_id", *lines]))
    with pytest.raises(InputError, match="has no benign twins"):
        plan_anatomy(AnatomyConfig(target="hf:a", prompts=alone, judge="rules"))
