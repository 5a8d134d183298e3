"""Control rows made by hand, as an experiment writes them: whole percents, one of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from isogloss.languages import ShareTable
from isogloss.records import Measurement
from isogloss.store import RunStore
from report.synthetic import LAB_SHARES, TARGET, lab_table, make_run

DEFENCES = ("guard", "own guard")
BASELINES = ("safety line", "refuse weak languages")
RATES = (
    "compliance_rate", "actionable_rate", "refusal_rate", "following_rate", "over_refusal",
    "helpful_rate", "reply_fidelity",
)  # fmt: skip
STRENGTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.55, 0.75, 1.0)
OTHERS = "average without the source"
LEFT = "sw-x-lab"
"""The language that the own arms leave as it is."""
N_SETTINGS = 75


def lab_tags() -> tuple[str, ...]:
    return tuple(f"{code}-x-lab" for code in LAB_SHARES)


def arms_of(toward: str) -> tuple[str, ...]:
    steered = ("own", "source")
    return ("none", *steered, *DEFENCES, *BASELINES) if toward == "refuse" else ("none", *steered)


def planted(metric: str, arm: str, index: int) -> int:
    """Percent of a rate: no two arms have the same in a language."""
    arms = arms_of("refuse")
    place = arms.index(arm) if arm in arms else 7 + int(arm.split()[-1]) % 3
    return 5 + (13 * RATES.index(metric) + 7 * index + 9 * place) % 85


def make_rows(
    tags: Sequence[str] = (),
    *,
    toward: str = "refuse",
    table: ShareTable | None = None,
    n_placebos: int = 4,
    concept: str = "harmfulness",
    source: str = "en-x-lab",
    target: str = TARGET,
) -> list[Measurement]:
    """All rows of an experiment, doses included.

    The last placebo found no setting: it has a row that says so, and no others.
    """
    tags, table = tags or lab_tags(), table or lab_table()
    maker = _Maker(tags, toward, table, concept, source, target)
    placebos = [f"{('random', 'shuffled')[k % 2]} {k // 2}" for k in range(n_placebos)]
    rows: list[Measurement] = []
    for arm in (*arms_of(toward), *placebos[:-1]):
        rows += maker.rates(arm)
        if arm != "none" and arm not in BASELINES:
            rows += maker.changes(arm)
            rows += maker.choices(arm)
    if placebos:
        rows += maker.choices(placebos[-1], left=tags)
        rows += maker.beyond(n_placebos)
    rows += maker.as_good()
    rows += [row for arm in arms_of(toward) for row in maker.costs(arm)]
    return rows + maker.doses()


class _Maker:
    def __init__(
        self, tags: Sequence[str], toward: str, table: ShareTable, concept: str, source: str,
        target: str,
    ) -> None:  # fmt: skip
        self.tags, self.toward, self.table, self.source = tags, toward, table, source
        self.fields = {
            "area": "control", "target": target, "judge": "oracle", "concept": concept,
            "source_language": source, "seed": 0,
        }  # fmt: skip

    def row(self, metric: str, arm: str, value: float | None, **fields: object) -> Measurement:
        ends = {} if value is None else {
            "estimate": value, "low": value - 0.03, "high": value + 0.04, "n": 84,
            "n_clusters": 21,
        }  # fmt: skip
        return Measurement(metric=metric, arm=arm, **self.fields | ends | fields)  # type: ignore[arg-type]

    def _at(self, tag: str) -> dict[str, object]:
        return {"language": tag, "tier": self.table.tier(tag)}

    def rates(self, arm: str) -> list[Measurement]:
        rows: list[Measurement] = []
        weak = {t for t in self.tags if self.table.tier(t) in ("medium", "low")}
        left = {LEFT} if arm.startswith("own") else set()
        for metric in RATES:
            for i, tag in enumerate(self.tags):
                like = "none" if tag in left or arm == BASELINES[1] else arm
                value = planted(metric, like, i) / 100
                setting = {} if arm == "none" or tag in left else {
                    "category": "add 0.3 residual at 2 (all)", "layer": 2, "strength": 0.3
                }  # fmt: skip
                row = self.row(metric, arm, value, **self._at(tag), **setting)
                if arm == BASELINES[1] and tag in weak:
                    value = float(metric in ("refusal_rate", "following_rate", "over_refusal"))
                    row = replace(
                        row, estimate=value, low=value, high=value,
                        method="by definition: every request in the language is refused",
                    )  # fmt: skip
                rows.append(row)
            for k, tier in enumerate(() if arm == BASELINES[1] else ("high", "medium", "low")):
                rows.append(
                    self.row(metric, arm, planted(metric, arm, 20 + k) / 100, tier=tier,
                             scope="these languages", n=252)
                )  # fmt: skip
        return rows

    def changes(self, arm: str) -> list[Measurement]:
        rows: list[Measurement] = []
        fields = {"unit": "rate difference", "n": 168}
        for metric in RATES:
            values = [
                (planted(metric, arm, i) - planted(metric, "none", i)) / 100
                for i in range(len(self.tags))
            ]
            for i, (tag, value) in enumerate(zip(self.tags, values, strict=True)):
                gone = arm.startswith("own") and tag == LEFT
                rows.append(
                    self.row(f"{metric}_change", arm, 0.0 if gone else value, **self._at(tag),
                             **fields, p_value=1.0 if gone else 0.01 * (i + 1))
                )  # fmt: skip
            rows.append(
                self.row(f"{metric}_change", arm, round(sum(values) / len(values), 2), **fields,
                         category=OTHERS, p_value=0.011)
            )  # fmt: skip
            rows.append(self.row(f"{metric}_change", arm, -0.12, tier="low", **fields, p_value=0.2))
        return rows

    def choices(self, arm: str, left: Sequence[str] = ()) -> list[Measurement]:
        rows: list[Measurement] = []
        for tag in self.tags:
            fields = {
                "language": tag, "unit": "rate difference", "n_clusters": None,
                "method": f"the largest validation effect of {N_SETTINGS} settings",
            }  # fmt: skip
            if tag in left or (arm.startswith("own") and tag == LEFT):
                rows.append(
                    self.row("chosen_setting", arm, None, **fields, verdict="left as it is",
                             reason=f"none of {N_SETTINGS} settings helps within the bounds")
                )  # fmt: skip
                continue
            rows.append(
                self.row("chosen_setting", arm, 0.17, **fields, low=None, high=None, layer=2,
                         strength=0.3, category="add 0.3 residual at 2 (all)")
            )  # fmt: skip
        return rows

    def as_good(self) -> list[Measurement]:
        words = ("as good", "worse", "cannot tell")
        fields = {"unit": "rate difference", "method": "MOVER; 90 % interval, margin 5 points"}
        arm = "source minus own"
        others = [tag for tag in self.tags if tag != self.source]
        rows = [
            self.row("as_good_as_own", arm, (i - 5) / 100, **self._at(tag), **fields,
                     verdict=words[i % 3])
            for i, tag in enumerate(others)
        ]  # fmt: skip
        rows.append(
            self.row("as_good_as_own", arm, -0.02, category=OTHERS, **fields, verdict="as good")
        )
        return rows

    def beyond(self, n: int) -> list[Measurement]:
        fields = {"unit": "rate difference", "n": n, "n_clusters": None}
        rows = [
            self.row("beyond_placebo", "source", -(i + 1) / 100, **self._at(tag), **fields,
                     p_value=1 / (1 + n))
            for i, tag in enumerate(self.tags)
        ]  # fmt: skip
        rows.append(
            self.row("beyond_placebo", "source", -0.08, **fields, category=OTHERS,
                     p_value=2 / (1 + n))
        )  # fmt: skip
        return rows

    def costs(self, arm: str) -> list[Measurement]:
        if arm in BASELINES:
            return []
        rows: list[Measurement] = []
        for i, tag in enumerate(self.tags):
            fields = {"language": tag, "n_clusters": None}
            rows.append(
                self.row("repetition", arm, 0.01 * (i + 1), **fields, low=None, high=None, n=168,
                         reason="no interval: most replies repeat nothing")
            )  # fmt: skip
            if arm != "none" and not (arm.startswith("own") and tag == LEFT):
                rows.append(
                    self.row("perplexity_ratio", arm, 1.05 + i / 10, **fields, unit="ratio", n=12)
                )
        return rows

    def doses(self) -> list[Measurement]:
        rows: list[Measurement] = []
        for arm in ("own", "source"):
            for i, tag in enumerate(self.tags):
                if arm == "own" and tag == LEFT:
                    continue
                for k, strength in enumerate(STRENGTHS):
                    setting = {} if not strength else {
                        "category": f"add {strength:g} residual at 2 (all)", "layer": 2
                    }  # fmt: skip
                    for j, metric in enumerate(("compliance_rate", "over_refusal", "use")):
                        value = max(0, 60 - 8 * k + 9 * j + i) / 100
                        rows.append(
                            self.row(metric, arm, value, **setting, area="control dose",
                                     language=tag, strength=strength, low=None, high=None, n=36,
                                     n_clusters=None,
                                     reason="no interval: for the shape, not for a claim")
                        )  # fmt: skip
        return rows


def add_rows(folder: Path, rows: Sequence[Measurement], **meta: object) -> Path:
    """Put rows, and what the experiment was told, into a run folder; it is made if need be."""
    known = [row for row in rows if row.concept]
    stored = {
        "concept": known[0].concept, "source": known[0].source_language, "toward": "refuse",
        "n_settings": N_SETTINGS, "n_placebos": 2, "gate_examples": 4, "seed": 0,
        "bounds": {"use_loss": 0.1, "over_refusal_rise": 0.05, "repetition_rise": 0.1,
                   "fidelity_loss": 0.1, "perplexity_ratio": 1.5},
        "guard": None,
        "arms": list(dict.fromkeys(row.arm for row in rows if row.metric == "chosen_setting")),
    }  # fmt: skip
    with RunStore(folder, create=True) as store:
        for area in ("control", "control dose"):
            store.replace_measurements(area, [row for row in rows if row.area == area])
        store.set_meta("control", stored | meta)
    return folder


def make_control_run(
    folder: Path,
    *,
    toward: str = "refuse",
    tags: Sequence[str] = (),
    n_prompts: int = 12,
    n_placebos: int = 4,
    concept: str = "harmfulness",
) -> Path:
    """A run with an audit of every arm, and control rows."""
    tags = tuple(tags) or lab_tags()
    make_run(folder, table=lab_table(), tags=tags, n_prompts=n_prompts)
    rows = make_rows(tags, toward=toward, n_placebos=n_placebos, concept=concept)
    with RunStore(folder) as store:
        audited = store.measurements("audit")
        arms = dict.fromkeys(row.arm for row in rows if row.metric == "compliance_rate")
        others = [arm for arm in arms if arm not in ("none", BASELINES[1])]
        store.replace_measurements(
            "audit", [*audited, *(replace(row, arm=arm) for arm in others for row in audited)]
        )
    return add_rows(folder, rows, toward=toward)
