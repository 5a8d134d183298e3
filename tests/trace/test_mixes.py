"""Arms by hand, on labs trained in seconds, through the command line, and all that is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.errors import InputError, UserError
from isogloss.records import Measurement
from isogloss.store import RunStore
from isogloss.targets.options import LocalOptions
from isogloss.trace import arm_runs
from isogloss.trace.arm_runs import AREA as RUNS
from isogloss.trace.arms import differences, other_tokenizers, read_arm
from isogloss.trace.mix_claims import is_limited_dominance
from isogloss.trace.mix_figures import MixFigures
from isogloss.trace.mix_rows import AREA, mix_rows
from isogloss.trace.mixes import MixesConfig, plan_mixes, resolve_mixes, run_mixes
from isogloss.trace.outcomes import Outcomes
from planted_runs import arm_rows, micro_preset

FIRST, OTHER = "lab:tiny:english+fixed", "lab:tiny:en=40+fixed"
ARMS = (read_arm(FIRST), read_arm(OTHER))
LANGUAGES = tuple(ARMS[0].recipe.languages)


def by_hand(n_runs: int = 3) -> MixFigures:
    """Following rate: in English 100 %, high 80, medium 60, low 20 and 40; the other arm gives low
    20 points more and takes 10 from high, give or take a point a run."""
    first = np.array([1, 0.8, 0.8, 0.8, 0.6, 0.6, 0.2, 0.4])
    other = first + np.array([0, -0.1, -0.1, -0.1, 0, 0, 0.2, 0.2])
    wobble = np.linspace(-0.01, 0.01, n_runs)[:, None, None]
    rates = np.stack([first, other])[None] + wobble * np.array([1, -1])[None, :, None]
    return MixFigures(
        ARMS, Outcomes(arm_rows({"following_rate": rates}, (FIRST, OTHER), LANGUAGES))
    )


def cell(rows: Sequence[Measurement], **fields: Any) -> Measurement:
    (row,) = [r for r in rows if all(getattr(r, name) == value for name, value in fields.items())]
    return row


def test_levels_changes_gaps_and_standings_by_hand() -> None:
    rows = mix_rows(by_hand())
    low = cell(rows, metric="following_rate", arm=OTHER, tier="low", language=None)
    assert low.estimate == pytest.approx(0.5)
    assert "mean over 2 of 2 languages, tiers by the shares of lab:tiny:english+fixed" in (
        low.method or ""
    )
    change = cell(rows, metric="following_rate_change", language="ta-x-lab")
    assert (change.arm, change.category) == (OTHER, f"since {FIRST}")
    assert change.estimate == pytest.approx(0.2)
    assert "differs from lab:tiny:english+fixed in shares" in (change.method or "")
    assert "Holm over 8 languages" in (change.method or "")
    gaps = [cell(rows, metric="following_rate_gap", arm=arm).estimate for arm in (FIRST, OTHER)]
    assert gaps == pytest.approx([-0.5, -0.2])
    shift = cell(rows, metric="following_rate_gap_change")
    assert (shift.estimate, shift.tier) == (pytest.approx(0.3), "low minus high")
    best = cell(rows, metric="following_rate", arm=OTHER, category="worst language")
    assert (best.estimate, best.verdict) == (pytest.approx(0.4), "best")
    assert cell(rows, metric="following_rate", arm=FIRST, category="worst language").reason == (
        f"than {OTHER}"
    )


def test_a_tier_is_what_the_reference_makes_of_a_language() -> None:
    """Under en=40 every other language has 8.6 % of the text and would be high."""
    rows = mix_rows(by_hand())
    tiers = {row.tier for row in rows if row.arm == OTHER and row.language == "sw-x-lab"}
    assert tiers == {"low"}


def test_differences_tokenizers_and_the_advice() -> None:
    neox = read_arm("lab:tiny:english+fixed+neox")
    assert differences(neox, ARMS[0]) == ("architecture",)
    assert differences(ARMS[1], ARMS[0]) == ("shares",)
    assert other_tokenizers((*ARMS, neox)) == ()
    own = read_arm("lab:tiny")
    assert other_tokenizers((own, read_arm("lab:tiny:english+bloom"))) == ()
    assert other_tokenizers((own, read_arm("lab:tiny:balanced"))) == ("lab:tiny:balanced",)
    assert other_tokenizers((ARMS[0], read_arm("lab:tiny:english+fixed+apart")))
    assert is_limited_dominance(ARMS[1], ARMS[0])
    assert is_limited_dominance(read_arm("lab:tiny:en=30,zh=20"), ARMS[0])
    assert not is_limited_dominance(read_arm("lab:tiny:balanced"), ARMS[0])
    assert not is_limited_dominance(neox, ARMS[0])


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"arms": ("lab:tiny",)}, "two arms or more"),
    ({"arms": ("lab:tiny", "lab:tiny:english")}, "are the same recipe"),
    ({"arms": ("lab:tiny", "lab:small")}, "of different worlds"),
    ({"arms": ("lab:tiny", "hf:models/mine")}, "cannot be trained here"),
    ({"arms": ("lab:tiny", "lab:tiny:english+neox#1")}, "without seed or stage"),
    ({"arms": ("lab:tiny", "lab:tiny:balanced")}, "--other-tokenizers to go on"),
    ({"reference": "lab:tiny:balanced+fixed"}, "is none of the arms"),
    ({"seeds": 0}, "--seeds must be 1 or more"),
    ({"limit": -1}, "--limit must be 1 or more"),
    ({"options": LocalOptions(device="foo")}, "is not a device"),
]


@pytest.mark.parametrize(("changes", "told"), REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_trained(
    changes: dict[str, Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("trained")

    monkeypatch.setattr(arm_runs, "build_lab", never)
    fields: dict[str, Any] = {"arms": (FIRST, OTHER), "out": tmp_path / "run"}
    with pytest.raises(UserError, match=told):
        run_mixes(MixesConfig(**(fields | changes)))
    assert not (tmp_path / "run").exists()


def test_other_languages_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "few.csv"
    table.write_text("language,percent\nen,60\nfr,40\n")
    with pytest.raises(InputError, match="differ in their languages"):
        plan_mixes(MixesConfig(arms=(f"lab:tiny:{table}+fixed", FIRST)))


def test_the_reference_comes_first_wherever_it_stands() -> None:
    config = MixesConfig(arms=(FIRST, OTHER), reference="lab:tiny:en=40+fixed@chat")
    assert [arm.name for arm in resolve_mixes(config)] == [OTHER, FIRST]
    assert [arm.percent["en-x-lab"] for arm in plan_mixes(config)] == [40, 74.5192]


# Really trained.


@pytest.fixture(scope="module")
def micro() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        yield micro_preset(patch)


def test_two_arms_end_to_end(micro: str, tmp_path: Path) -> None:
    """The same recipes as in the tests of doses: trained once a run."""
    arms = [f"lab:{micro}:english{dose}+fixed+equal+even+apart" for dose in ("", "*sw=4")]
    command = [
        "trace", "mixes", *arms, "--seeds", "1", "--limit", "8", "--no-report",
        "--out", str(tmp_path / "run"),
    ]  # fmt: skip
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    assert "mean over languages" in result.stdout
    assert "cannot tell" in result.stdout
    with RunStore(tmp_path / "run") as store:
        runs, rows = store.measurements(RUNS), store.measurements(AREA)
        shares = store.meta("share_table")
        audited = store.measurements("audit")
    assert {row.arm for row in runs} == set(arms)
    assert mix_rows(MixFigures([read_arm(arm) for arm in arms], Outcomes(runs))) == rows
    assert shares["name"] == f"lab:{arms[0].removeprefix('lab:').partition(':')[2]}"
    tiers = {row.tier for row in audited if row.language == "sw-x-lab"}
    assert len(tiers) == 1, "all arms are audited under the reference's tiers"
