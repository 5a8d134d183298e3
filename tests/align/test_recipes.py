"""Methods by name: what each needs first, and settings by KIND.FIELD=VALUE."""

from __future__ import annotations

import pytest

from isogloss.align.mpo import Mpo
from isogloss.align.recipes import LAB, PUBLISHED, RECIPES, check_used, plan_arms, settle
from isogloss.align.reward import Reward
from isogloss.align.rl import Rl
from isogloss.errors import InputError


def planned(*names: str, warm_up: bool = True) -> dict[str, tuple[str | None, str | None, str]]:
    arms = plan_arms(names, LAB, source="en", warm_up=warm_up)
    return {arm.name: (arm.start, arm.reward, arm.mixture) for arm in arms}


def test_every_method_can_be_planned_alone() -> None:
    for name in RECIPES:
        arms = plan_arms([name], LAB, source="en", warm_up=True)
        assert arms[-1].name == name
        before = {arm.name for arm in arms}
        assert all({arm.start, arm.reward} - {None, "oracle"} <= before for arm in arms)


def test_what_a_stage_needs_comes_before_it() -> None:
    arms = planned("xrlhf", "mpo", "rlhf")
    assert list(arms) == ["xwarm-up", "xreward", "xrlhf", "sft", "mpo", "warm-up", "reward", "rlhf"]
    assert arms["xrlhf"] == ("xwarm-up", "xreward", "all")
    assert arms["rlhf"] == ("warm-up", "reward", "en")
    assert arms["mpo"] == ("sft", None, "all")


def test_a_mixture_goes_to_all_that_the_method_needs() -> None:
    arms = planned("xrlhf:sw", "sft:sw")
    assert arms["xrlhf:sw"] == ("xwarm-up:sw", "xreward:sw", "sw")
    assert arms["sft:sw"] == (None, None, "sw")


def test_oracle_and_reward_model_share_everything_but_the_reward() -> None:
    arms = planned("xrlhf", "xrlhf-oracle")
    assert arms["xrlhf-oracle"] == ("xwarm-up", "oracle", "all")
    assert arms["xrlhf"][0] == arms["xrlhf-oracle"][0]


def test_without_a_warm_up_training_starts_from_the_model_itself() -> None:
    assert planned("xdpo", warm_up=False) == {"xdpo": (None, None, "all")}


def test_a_stage_is_asked_for_where_it_is_named_and_needed() -> None:
    arms = {arm.name: arm for arm in plan_arms(["mpo", "sft"], LAB, source="en", warm_up=True)}
    assert arms["sft"].asked_for
    arms = {arm.name: arm for arm in plan_arms(["mpo"], LAB, source="en", warm_up=True)}
    assert not arms["sft"].asked_for


def test_contrast_and_dominance_reach_the_method() -> None:
    arms = plan_arms(["xreward-contrast", "mpo"], LAB, source="fr", warm_up=True)
    contrast, mpo = arms[0].method, arms[-1].method
    assert isinstance(contrast, Reward)
    assert contrast.contrast == 0.5
    assert isinstance(mpo, Mpo)
    assert mpo.dominant == "fr"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["ppo"], "'ppo' is not a method; choose from sft, xsft"),
        (["sft:"], "'sft:' is not a method"),
        (["sft", "sft"], "named twice: sft"),
    ],
)
def test_an_unknown_method_is_refused(names: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        plan_arms(names, LAB, source="en", warm_up=True)


def test_settings_reach_the_method_and_no_other() -> None:
    settled = settle(LAB, ["dpo.beta=0.3", "sft.steps=7", "rl.algorithm=grpo"])
    rl = settled["rl"]
    assert isinstance(rl, Rl)
    assert (settled["sft"].optimisation.steps, rl.algorithm) == (7, "grpo")
    assert settled["warm_up"] == LAB["warm_up"]
    assert settled["dpo"] != LAB["dpo"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("dpo.beta", "write KIND.FIELD=VALUE"),
        ("ppo.beta=1", "KIND one of sft, warm_up, reward, dpo, mpo, rl"),
        ("dpo.gamma=1", "dpo has no setting 'gamma'; it has learning_rate, steps"),
        ("mpo.dominant=fr", "mpo has no setting 'dominant'"),
        ("sft.steps=1.5", "sft.steps takes a whole number, not '1.5'"),
        ("sft.learning_rate=fast", "takes a number, not 'fast'"),
        ("sft.learning_rate=nan", "sft.learning_rate=nan: .* between 0 and 1"),
        ("sft.batch_size=0", "a batch_size of 1 or more"),
        ("sft.max_length=0", "a max_length of 8 or more"),
        ("sft.steps=-1", "steps and warmup_steps are 0 or more"),
        ("dpo.beta=0", "dpo.beta is above 0"),
        ("mpo.retention=-1", "mpo.retention 0 or more"),
        ("reward.contrast=1.5", "a share from 0 to 1"),
        ("rl.beta=-1", "rl.beta 0 or more"),
        ("rl.temperature=0", "rl.temperature is above 0"),
        ("rl.n_generations=1", "compares 2 generations"),
        ("rl.algorithm=ppo", "is rloo or grpo, not 'ppo'"),
    ],
)
def test_a_wrong_setting_says_what_is_allowed(change: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        settle(LAB, [change])


def test_learning_rates_are_explicit_everywhere() -> None:
    for table in (LAB, PUBLISHED):
        assert all(method.optimisation.learning_rate > 0 for method in table.values())
    assert PUBLISHED["sft"].optimisation.learning_rate == 1.5e-5  # P1, set-up
    assert PUBLISHED["reward"].optimisation.learning_rate == 2e-5


def test_a_change_of_what_no_stage_has_is_refused() -> None:
    arms = plan_arms(["xrlhf"], LAB, source="en", warm_up=True)
    check_used(["rl.beta=0.1", "warm_up.steps=5", "reward.steps=5"], arms)
    told = "--set sft.steps=5 would change nothing.*its stages are of warm_up, reward, rl"
    with pytest.raises(InputError, match=told):
        check_used(["sft.steps=5"], arms)
    with pytest.raises(InputError, match="no stage of this run is of kind warm_up"):
        check_used(["warm_up.steps=5"], plan_arms(["dpo"], LAB, source="en", warm_up=False))
