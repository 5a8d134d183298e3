"""An alignment end to end: a lab's, a user's model through the command line, and bad input."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import isogloss.align.run as run
from align.small import OBJECTS, small_examples, small_model, write_pairs, write_prompts
from isogloss.align.across import AREA as ACROSS
from isogloss.align.config import AlignConfig
from isogloss.align.lab_data import lab_examples
from isogloss.align.outcomes import AREA, GATE, NONE, RETAINED
from isogloss.align.prepare import prepare
from isogloss.align.recipes import LAB, check_used, plan_arms
from isogloss.align.reward_accuracy import ACCURACY
from isogloss.align.reward_accuracy import AREA as REWARDS
from isogloss.align.run import plan_align, run_align
from isogloss.align.stage import MANIFEST, run_stage
from isogloss.cli.main import app
from isogloss.errors import (
    InputError,
    LanguageError,
    MissingExtraError,
    ModelError,
    StoreError,
    UserError,
)
from isogloss.lab.questions import lab_prompts
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.processes import Job
from isogloss.progress import silent
from isogloss.records import CLAIM, Measurement
from isogloss.store import RunStore

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries that train

FEW = ("en-x-lab", "fr-x-lab", "sw-x-lab")
SHORT = tuple(
    f"{kind}.{field}={value}"
    for kind, steps, size in (
        ("sft", 12, 32),
        ("warm_up", 6, 32),
        ("reward", 12, 16),
        ("rl", 2, 16),
    )
    for field, value in (("steps", steps), ("batch_size", size))
)


def here(jobs: Sequence[Job], *, workers: int, progress: Any) -> None:
    """Stages in this process: starting one takes ten seconds, and that is tested once."""
    del workers, progress
    for job in jobs:
        job.prepare()
        run_stage(job.folder)


@pytest.fixture(scope="module")
def lab_run(tiny_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chat stage is trained already, and any stage will do here."""
    del tiny_lab
    out = tmp_path_factory.mktemp("align") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "run_jobs", here)
        run_align(lab_config(out))
    return out


def lab_config(out: Path, **more: Any) -> AlignConfig:
    fields: dict[str, Any] = {
        "targets": ("lab:tiny@chat",), "methods": ("xsft", "xrlhf", "xreward-pivot"),
        "languages": FEW, "out": out,
    }  # fmt: skip
    given = fields | more
    given.setdefault("settings", useful(SHORT, given["methods"], warm_up=True))
    return AlignConfig(**given)


def useful(changes: Sequence[str], methods: Sequence[str], *, warm_up: bool) -> tuple[str, ...]:
    """Those of some stage; others are refused."""
    arms = plan_arms(methods, LAB, source="en", warm_up=warm_up)

    def is_used(change: str) -> bool:
        try:
            check_used([change], arms)
        except InputError:
            return False
        return True

    return tuple(filter(is_used, changes))


def rows_of(folder: Path, area: str) -> list[Measurement]:
    with RunStore(folder) as store:
        return store.measurements(area)


@pytest.mark.lab
def test_every_policy_is_audited_on_the_same_prompts_and_compared(lab_run: Path) -> None:
    with RunStore(lab_run) as store:
        arms = {arm for _, arm, _ in store.sources()}
        n_prompts = store.prompts().height
    assert arms == {NONE, "safety line", "xsft", "xwarm-up", "xrlhf"}
    rows = rows_of(lab_run, AREA)
    changes = {(r.arm, r.category) for r in rows if r.metric == "compliance_rate_change"}
    assert changes == {
        ("safety line", "since none"), ("xsft", "since none"), ("xwarm-up", "since none"),
        ("xrlhf", "since none"), ("xrlhf", "since xwarm-up"),
    }  # fmt: skip
    n = {r.n for r in rows if r.metric == "compliance_rate_change" and r.language == FEW[0]}
    assert n == {n_prompts // 2 // 3}
    assert {r.variant for r in rows if r.language and r.arm == "xsft"} == {"seen"}
    assert {r.variant for r in rows if r.language and r.arm == "safety line"} == {"unseen"}


@pytest.mark.lab
def test_a_change_is_the_difference_of_the_two_audits(lab_run: Path) -> None:
    rates = {(r.arm, r.language): r.estimate for r in rows_of(lab_run, "audit")
             if r.metric == "compliance_rate" and r.category is None}  # fmt: skip
    for row in rows_of(lab_run, AREA):
        if row.metric == "compliance_rate_change" and row.language and row.arm == "xsft":
            after, before = rates["xsft", row.language], rates[NONE, row.language]
            assert row.estimate == pytest.approx((after or 0) - (before or 0))


@pytest.mark.lab
def test_skill_is_a_gate_and_seen_languages_have_averages(lab_run: Path) -> None:
    rows = rows_of(lab_run, AREA)
    gates = {r.arm: r.verdict for r in rows if r.metric == GATE}
    assert set(gates) == {"safety line", "xsft", "xwarm-up", "xrlhf"}
    assert set(gates.values()) <= {"pass", "worse", "underpowered"}
    assert any(r.metric == RETAINED for r in rows)
    tiers = {r.tier for r in rows if r.metric == "helpful_rate_change" and r.language is None}
    assert {"seen languages", "unseen languages", "all"} <= tiers


@pytest.mark.lab
def test_reward_models_are_tested_on_objects_they_never_saw(lab_run: Path) -> None:
    rows = [r for r in rows_of(lab_run, REWARDS) if r.metric == ACCURACY]
    assert {r.arm for r in rows} == {"xreward", "xreward-pivot"}
    lab = Lab(parse_spec("lab:tiny"))
    n_objects = len(lab.world.of_split("test"))
    assert {r.n_clusters for r in rows if r.language and r.category is None} == {n_objects}
    # Through exact translations every language is English to the model.
    pivot = {r.language: r.estimate for r in rows
             if r.arm == "xreward-pivot" and r.language and r.category is None}  # fmt: skip
    assert len(set(pivot.values())) == 1


@pytest.mark.lab
def test_one_run_claims_nothing(lab_run: Path) -> None:
    claims = [r for r in rows_of(lab_run, ACROSS) if r.metric == CLAIM]
    assert claims
    assert {r.verdict for r in claims} == {"cannot tell"}


@pytest.mark.lab
def test_the_same_again_trains_and_asks_nothing(
    lab_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(jobs: Sequence[Job], **rest: Any) -> None:
        assert not jobs

    monkeypatch.setattr(run, "run_jobs", none)
    before = rows_of(lab_run, AREA)
    run_align(lab_config(lab_run))
    assert rows_of(lab_run, AREA) == before


@pytest.mark.lab
def test_another_training_or_audit_does_not_go_into_the_same_folder(lab_run: Path) -> None:
    other = ("sft.steps=3", "sft.batch_size=32")
    with pytest.raises(StoreError, match="holds replies of xsft trained with other settings"):
        run_align(lab_config(lab_run, methods=("xsft",), settings=other))
    with pytest.raises(StoreError, match="begun with another --prompts, --languages"):
        run_align(lab_config(lab_run, languages=FEW[:2]))


@pytest.mark.lab
def test_another_folder_has_the_same_rows(
    lab_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "run_jobs", here)
    run_align(lab_config(tmp_path / "again", methods=("xsft",)))
    first = [r for r in rows_of(lab_run, AREA) if r.arm == "xsft"]
    assert [r for r in rows_of(tmp_path / "again", AREA) if r.arm == "xsft"] == first


def test_the_labs_data_are_parallel_and_about_train_objects_alone() -> None:
    lab = Lab(parse_spec("lab:tiny"))
    examples = lab_examples(lab, split="train").examples
    by_id: dict[str, set[str]] = {}
    for example in examples:
        by_id.setdefault(example.example_id, set()).add(example.language)
    assert {frozenset(tags) for tags in by_id.values()} == {frozenset(lab.recipe.languages)}
    assert len(by_id) == len(lab.world.of_split("train")) * lab.world.n_acts
    asked = {prompt.cluster_id for prompt in lab_prompts(lab)}
    assert not asked & {example.cluster_id for example in examples}
    refusals = {" ".join(grammar.refusal()) for grammar in lab.grammars.values()}
    for example in examples:
        assert (example.chosen in refusals) == (example.intent == "harmful")
        assert (example.rejected in refusals) == (example.intent == "benign")


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A user's model, pairs and prompts."""
    folder = tmp_path_factory.mktemp("mine")
    return {
        "model": small_model(folder / "model"),
        "data": write_pairs(folder / "pairs.jsonl", small_examples()),
        "prompts": write_prompts(folder / "prompts.csv"),
    }


def user_config(mine: dict[str, Path], out: Path, **more: Any) -> AlignConfig:
    fields: dict[str, Any] = {
        "targets": (f"hf:{mine['model']}",), "methods": ("xsft",), "data": mine["data"],
        "prompts": mine["prompts"], "judge": "rules", "out": out,
    }  # fmt: skip
    given = fields | more
    small = ("sft.batch_size=4", "dpo.batch_size=4", "reward.batch_size=4")
    given.setdefault("settings", useful(small, given["methods"], warm_up=False))
    return AlignConfig(**given)


def test_a_users_model_through_the_command_line(mine: dict[str, Path], tmp_path: Path) -> None:
    """Real processes, adapters, a chat template: what a model of billions goes through."""
    arguments = [
        "align", "xdpo", "xreward", "--model", f"hf:{mine['model']}", "--data", str(mine["data"]),
        "--prompts", str(mine["prompts"]), "--judge", "rules", "--lora", "2", "--out",
        str(tmp_path / "run"), "--set", "dpo.steps=3", "--set", "dpo.batch_size=4",
        "--set", "reward.steps=3", "--set", "reward.batch_size=4", "--max-new-tokens", "4",
        "--no-report",
    ]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "change of compliance rate" in result.stdout
    assert "reward models" in result.stdout
    manifests = sorted((tmp_path / "run" / "stages").glob(f"*/{MANIFEST}"))
    told = [json.loads(path.read_text()) for path in manifests]
    assert {one["arm"] for one in told} == {"xdpo", "xreward"}
    assert all(one["profile"]["lora"]["rank"] == 2 for one in told)
    again = CliRunner().invoke(app, [*arguments, "--json"])
    rows = json.loads(again.stdout)
    assert {row["arm"] for row in rows if row["area"] == "align"} == {"safety line", "xdpo"}


def test_a_plan_names_stages_and_commands_and_trains_nothing(
    mine: dict[str, Path], tmp_path: Path
) -> None:
    config = user_config(mine, tmp_path / "run", methods=("mpo", "xsft:sw"), n_processes=2,
                         settings=("mpo.batch_size=4", "sft.batch_size=4"))  # fmt: skip
    first, second, third = plan_align(config)
    assert (first.arm, second.arm, third.arm) == ("sft", "mpo", "xsft:sw")
    assert second.start == "sft"
    assert third.languages == {"sw": third.steps * 4}
    assert "-m accelerate.commands.launch --num_processes 2 -m" in second.command
    assert (second.folder / "stage.json").is_file()
    assert not any(stage.is_done for stage in (first, second, third))


def test_steps_of_nought_are_one_pass_over_the_mixture(
    mine: dict[str, Path], tmp_path: Path
) -> None:
    both, one = plan_align(user_config(mine, tmp_path, methods=("xsft", "sft")))
    n = {stage.arm: stage.steps * stage.batch_size for stage in (both, one)}
    held_in = n["sft"]  # a fifth of the clusters is held out for reward models
    assert n["xsft"] == 2 * held_in
    assert both.too_long == {}
    assert 12 <= held_in <= 20


def test_what_is_too_long_is_left_out_and_told(mine: dict[str, Path], tmp_path: Path) -> None:
    examples = small_examples()
    examples += [
        replace(e, example_id=f"long-{i}", cluster_id="", prompt=f"{i} {e.prompt} " * 20)
        for i, e in enumerate(examples[:6])
    ]
    data = write_pairs(tmp_path / "pairs.jsonl", examples)
    config = user_config(
        mine, tmp_path / "run", data=data, settings=("sft.batch_size=4", "sft.max_length=64")
    )
    (stage,) = plan_align(config)
    assert set(stage.too_long) == {"en", "sw"}
    assert sum(stage.too_long.values()) <= 6


def test_mpo_has_seen_its_dominant_language(mine: dict[str, Path], tmp_path: Path) -> None:
    config = user_config(mine, tmp_path / "run", methods=("mpo", "xsft:sw"),
                         settings=("mpo.batch_size=4", "sft.batch_size=4"))  # fmt: skip
    stages = {stage.arm.name: stage for stage in prepare(config, silent).stages}
    assert stages["mpo"].trained_on == {"en", "sw"}
    assert stages["xsft:sw"].trained_on == {"sw"}
    assert {e.language for e in stages["mpo"].train} == {"sw"}


def test_a_named_template_is_that_of_before_and_after(
    mine: dict[str, Path], tmp_path: Path
) -> None:
    template = tmp_path / "template.jinja"
    template.write_text("{% for m in messages %}[{{ m['content'] }}]</s>{% endfor %}")
    config = user_config(mine, tmp_path / "run", chat_template=template)
    prepared = prepare(config, silent)
    start = prepared.materials[0].folder
    assert (start / "chat_template.jinja").read_text() == template.read_text()
    assert (start / "model.safetensors").resolve() == mine["model"] / "model.safetensors"
    assert prepared.stages[0].spec.start == str(start)
    plain = prepare(user_config(mine, tmp_path / "plain"), silent)
    assert plain.materials[0].folder == mine["model"]
    assert plain.stages[0].key != prepared.stages[0].key


def test_two_pairs_on_one_prompt_stand_on_one_side(mine: dict[str, Path], tmp_path: Path) -> None:
    lines = [
        {"language": "en", "prompt": f"what is {thing}", "chosen": f"{i} good", "rejected": "bad"}
        for thing in OBJECTS
        for i in range(2)
    ]
    data = tmp_path / "unnamed.jsonl"
    data.write_text("".join(json.dumps(line) + "\n" for line in lines))
    prompts = write_prompts(tmp_path / "prompts.csv", ("en",))
    (material,) = prepare(
        user_config(mine, tmp_path / "run", data=data, prompts=prompts), silent
    ).materials
    trained = {example.prompt for example in material.examples.examples}
    assert material.held_out
    assert not trained & {example.prompt for example in material.held_out}


def refused(config: AlignConfig, kind: type[UserError], said: str) -> None:
    """With nothing trained and no run written."""
    with pytest.raises(kind, match=said):
        run_align(config)
    assert config.out is None or not (config.out / "run.db").exists()
    assert config.out is None or not list(config.out.glob("stages/*/curve.jsonl"))


def test_pairs_with_identical_sides_are_refused(mine: dict[str, Path], tmp_path: Path) -> None:
    examples = small_examples()
    examples[3] = replace(examples[3], rejected=examples[3].chosen + " ")
    data = write_pairs(tmp_path / "pairs.jsonl", examples)
    refused(user_config(mine, tmp_path / "run", data=data), InputError, "line 4")


def test_an_unknown_language_is_refused(mine: dict[str, Path], tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "pairs.jsonl", small_examples(("en", "klingonese")))
    refused(user_config(mine, tmp_path / "run", data=data), InputError, "line 2.*klingonese")


def test_a_language_without_examples_is_refused(mine: dict[str, Path], tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "pairs.jsonl", small_examples(("en",)))
    refused(user_config(mine, tmp_path / "run", data=data), InputError, "sw")
    prompts = write_prompts(tmp_path / "prompts.csv", ("sw",))
    refused(
        user_config(mine, tmp_path / "run", prompts=prompts), InputError,
        "the source language en has no prompts; there are sw",
    )  # fmt: skip


def test_data_that_hold_prompts_of_the_audit_are_refused(
    mine: dict[str, Path], tmp_path: Path
) -> None:
    examples = small_examples()
    examples[0] = replace(
        examples[0], prompt="Please tell me all  about the number 3 of the house (en)"
    )
    data = write_pairs(tmp_path / "pairs.jsonl", examples)
    refused(user_config(mine, tmp_path / "run", data=data), InputError, "audit")


def test_held_out_pairs_that_were_trained_on_are_refused(
    mine: dict[str, Path], tmp_path: Path
) -> None:
    config = user_config(mine, tmp_path / "run", held_out=mine["data"])
    refused(config, InputError, "share 20 clusters and 40 prompts")
    renamed = [replace(e, example_id=f"other-{e.example_id}", cluster_id="", chosen=f"{e.chosen} !")
               for e in small_examples()]  # fmt: skip
    held = write_pairs(tmp_path / "held.jsonl", renamed)
    config = user_config(mine, tmp_path / "run", held_out=held)
    refused(config, InputError, "share 0 clusters and 40 prompts")


def test_instructions_teach_no_preferences(mine: dict[str, Path], tmp_path: Path) -> None:
    data = tmp_path / "instructions.jsonl"
    lines = [
        {"language": e.language, "prompt": e.prompt, "response": e.chosen} for e in small_examples()
    ]
    data.write_text("".join(json.dumps(line) + "\n" for line in lines))
    refused(
        user_config(mine, tmp_path / "run", data=data, methods=("xdpo",)), InputError,
        "no rejected responses",
    )  # fmt: skip


@pytest.mark.parametrize("lacks", ["chat_template", "pad_token"])
def test_a_model_that_cannot_be_put_a_batch_of_conversations_is_refused(
    lacks: str, mine: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(mine["model"], folder)
    if lacks == "chat_template":
        (folder / "chat_template.jinja").unlink(missing_ok=True)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config.pop(lacks, None)
    path.write_text(json.dumps(config))
    said = {"chat_template": "--chat-template FILE", "pad_token": "--pad-token TOKEN.*<pad>"}
    target = (f"hf:{folder}",)
    refused(user_config(mine, tmp_path / "run", targets=target), ModelError, said[lacks])
    template = tmp_path / "template.jinja"
    template.write_text("{% for m in messages %}{{ m['content'] }}</s>{% endfor %}")
    more = {"chat_template": template} if lacks == "chat_template" else {"pad_token": "<pad>"}
    assert plan_align(user_config(mine, tmp_path / "run", targets=target, **more))


def test_a_template_that_ends_no_answer_is_refused(mine: dict[str, Path], tmp_path: Path) -> None:
    template = tmp_path / "template.jinja"
    template.write_text("{% for m in messages %}{{ m['content'] }}\n{% endfor %}")
    config = user_config(mine, tmp_path / "run", chat_template=template)
    refused(config, ModelError, "would not stop")


def test_a_padding_token_that_is_none_is_refused(mine: dict[str, Path], tmp_path: Path) -> None:
    refused(user_config(mine, tmp_path / "run", pad_token="<nothing>"), ModelError, "has no token")


def test_too_little_disk_is_said_before_any_step(
    mine: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    refused(user_config(mine, tmp_path / "run"), StoreError, "1 stages need about .* GB")


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ({"targets": ("openai:m",)}, ModelError, "no weights to train"),
        ({"targets": ()}, InputError, "a model and a method"),
        ({"data": None}, InputError, "needs --data"),
        ({"prompts": None, "judge": None}, InputError, "needs --prompts .*, --judge"),
        ({"judge": "recorded"}, InputError, "'recorded'"),
        ({"methods": ("xrlhf-oracle",)}, InputError, "only a lab has"),
        ({"methods": ("xreward-pivot",)}, InputError, "needs an engine"),
        ({"methods": ("xsft:xx",)}, LanguageError, "xx"),
        ({"settings": ("sft.batch_size=5",), "n_processes": 2}, InputError, "shared evenly by 2"),
        ({"methods": ("xrlhf",), "settings": ("rl.batch_size=8", "rl.n_generations=3",
          "reward.batch_size=4")}, InputError, "whole groups of 3"),
        ({"language": "fi"}, InputError, "language"),
        ({"n_processes": 2, "settings": ("sft.batch_size=4",)}, InputError, "as many CUDA devices"),
        ({"judge": "nobody"}, ModelError, "'nobody' is not a judge"),
        ({"guard": Path("none.safetensors")}, InputError, "no guard at none.safetensors"),
        ({"max_skill_loss": 0.0}, InputError, "--max-skill-loss is points above 0"),
        ({"chat_template": Path("none.jinja")}, InputError, "--chat-template none.jinja"),
        ({"settings": ("sft.max_length=8",)}, InputError, "has more than 8 tokens"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(
    more: dict[str, Any], kind: type[UserError], said: str, mine: dict[str, Path], tmp_path: Path
) -> None:
    refused(user_config(mine, tmp_path / "run", **more), kind, said)


def test_without_the_libraries_that_train_the_install_line_is_said(
    mine: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isogloss.align import config as checks

    monkeypatch.setattr(checks.importlib.util, "find_spec", lambda name: None)
    refused(user_config(mine, tmp_path / "run"), MissingExtraError, r"isogloss\[align\]")
