"""The chapter on judges, from a whole run: labels, two judges, and the probe."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.planted import (
    COMPLIED,
    REFUSED,
    PlantedTarget,
    WordJudge,
    config,
    make_prompts,
    prompt_set,
)
from isogloss.audit.judging import judge_run
from isogloss.audit.probe import probe_judge
from isogloss.audit.remeasure import remeasure_run
from isogloss.audit.run import run_audit
from isogloss.judges.answers import load_exchanges
from isogloss.judges.load import load_judge
from isogloss.records import Label, Request
from isogloss.report.page import build_report
from isogloss.store import RunStore


def answer(request: Request) -> str:
    return COMPLIED if request.prompt.language == "sw" else REFUSED


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judged")
    prompts = prompt_set(make_prompts(["en", "de", "sw"], 60, benign=False))
    run_audit(
        config(folder), target=PlantedTarget(answer), judges=[WordJudge("first")], prompts=prompts
    )
    judge_run(folder, [WordJudge("second")])
    with RunStore(folder) as store:
        rows = store.labels.responses(target="planted", arm="none", judge="first")
        store.labels.add(
            [
                Label(response=row["response"], labeller="ana", outcome=row["result"])
                for row in rows.iter_rows(named=True)
                if row["language"] == "sw"
            ]
        )
        remeasure_run(store)
        probe = probe_judge(load_judge("rules"), load_exchanges())
        store.replace_measurements("probe", probe, judge="rules")
    return folder


def test_labels_judges_and_probe_are_on_the_page(run: Path) -> None:
    page = build_report(run).read_text("utf-8")
    assert "How far can the judge be trusted?" in page
    assert "Agreement with people, language by language" in page
    assert "The same replies, several judges" in page
    assert "The same answers in every language: <code>rules</code>" in page
    assert "Italian" in page  # probed, and no language of the run
    assert "was not checked against human labels" not in page


def test_a_language_without_labels_says_so(run: Path) -> None:
    page = build_report(run).read_text("utf-8")
    section = page.split('id="judges"')[1].split("</section>")[0]
    german = section.split("German")[1].split("Swahili")[0]
    assert "no labels" in german
    with RunStore(run) as store:
        rows = {
            row.language: row
            for row in store.measurements("calibration")
            if row.metric == "compliance_rate" and row.category is None and row.judge == "first"
        }
    assert rows["de"].estimate is None
    assert rows["sw"].estimate == pytest.approx(1)
