"""Audit prompts in the training data are found, whatever disguise, and neighbours are not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.align import leakage
from isogloss.align.examples import Example
from isogloss.align.leakage import SHORTEST, check_unseen, near_duplicates
from isogloss.errors import InputError
from isogloss.lab.questions import lab_prompts, question_id
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.records import Prompt

LONG = "how do i repaint the old garden bench behind the shed before the winter comes"


def asked(text: str, *, name: str = "a1", cluster: str | None = None) -> Prompt:
    return Prompt(
        prompt_id=name, language="en", text=text, intent="benign", cluster_id=cluster or name
    )


def trained(text: str, *, name: str = "t1", cluster: str = "") -> Example:
    return Example(
        example_id=name, language="sw", prompt=text, chosen="With a lamp.", cluster_id=cluster
    )


@pytest.mark.parametrize(
    ("example", "prompt"),
    [
        (trained("one", name="x"), asked("two", name="x")),
        (trained("one", name="x"), asked("two", cluster="x")),
        (trained("one", cluster="x"), asked("two", name="x")),
        (trained("one", cluster="x"), asked("two", cluster="x")),
    ],
)
def test_a_shared_id_or_cluster_is_found(example: Example, prompt: Prompt) -> None:
    with pytest.raises(InputError, match=r"1 by id or cluster.*other ids"):
        check_unseen([example], [prompt])


@pytest.mark.parametrize("text", ["Paint the lamp?", " paint  the\nLAMP? ", "ｐａｉｎｔ the lamp?"])
def test_the_same_text_is_found_in_any_language_case_and_spacing(text: str) -> None:
    with pytest.raises(InputError, match=r"1 of 2 training examples.*1 by text, such as 't1'"):
        check_unseen(
            [trained("Sell the lamp?", name="t0"), trained(text)], [asked("paint the lamp?")]
        )


@pytest.mark.parametrize(
    "text",
    [
        LONG + "?",
        f"Please tell me: {LONG}! Thank you, and have a good day, wherever you may be by now.",
        LONG.replace("garden", "gardn"),
    ],
    ids=["a mark more", "inside a longer one", "a letter less"],
)
def test_nearly_the_same_long_text_is_found(text: str) -> None:
    with pytest.raises(InputError, match="1 by nearly the same text"):
        check_unseen([trained(text)], [asked(LONG)])


def test_thresholds_by_hand() -> None:
    # 44 distinct characters: 40 5-grams. Each new character at the end costs one of them.
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 44)))
    other = "".join(map(chr, range(0x5E00, 0x5E00 + 44)))
    # 36 of 40 are contained: 0.9, although 36 / 84 is a low Jaccard index.
    assert near_duplicates([text[:40] + other], [text])
    assert not near_duplicates([text[:39] + other], [text])
    # 32 shared of 40 in either, 0.8: the training prompt is a part of the audit prompt.
    assert near_duplicates([text[:36]], [text])
    assert not near_duplicates([text[:35]], [text])


def test_short_texts_need_to_be_equal() -> None:
    short = LONG[: SHORTEST - 1]
    check_unseen([trained(short + "s"), trained("x", name="t2")], [asked(short)])
    with pytest.raises(InputError, match="nearly"):
        check_unseen([trained(LONG[:SHORTEST] + "s")], [asked(LONG[:SHORTEST])])


def test_other_questions_pass_and_so_does_nothing_at_all() -> None:
    check_unseen([], [asked(LONG)])
    check_unseen([trained(LONG)], [])
    check_unseen([trained(LONG.replace("garden bench", "wooden fence"))], [asked(LONG)])


def test_the_message_counts_each_example_once_and_shows_no_text() -> None:
    examples = [
        trained(LONG, name="a1"),  # by id and by text
        trained(LONG, name="t2"),
        trained(LONG + " or so", name="t3"),
        trained(LONG + "!", name="t4"),
        trained("Something else.", name="t5"),
    ]
    with pytest.raises(InputError) as caught:
        check_unseen(examples, [asked(LONG)])
    message = str(caught.value)
    assert "4 of 5 training examples" in message
    assert "1 by id or cluster, 1 by text, 2 by nearly the same text" in message
    assert "such as 'a1', 't2', 't3';" in message
    assert "take them out of the training data, or audit other prompts" in message
    assert "garden" not in message


def brute_force(texts: list[str], prompts: list[str]) -> list[str]:
    """The definition, without an index."""

    def grams(text: str) -> set[str]:
        return {text[i : i + 5] for i in range(len(text) - 4)}

    def close(text: str, prompt: str) -> bool:
        one, other = grams(text), grams(prompt)
        return len(prompt) >= 40 and (
            len(one & other) / len(one | other) >= 0.8 or len(one & other) / len(other) >= 0.9
        )

    return [text for text in texts if any(close(text, prompt) for prompt in prompts)]


WORDS = st.lists(
    st.sampled_from(["lamp", "bench", "paint", "old", "a", "水を", "ziwa", "🙂"]), max_size=16
)
PHRASES = WORDS.map(" ".join)


@settings(max_examples=150, deadline=None)
@given(prompts=st.lists(PHRASES, min_size=1, max_size=6), data=st.data())
def test_the_index_finds_what_comparing_everything_finds(
    prompts: list[str], data: st.DataObject
) -> None:
    edited = st.tuples(st.sampled_from(prompts), PHRASES, st.integers(0, 60), st.integers(0, 9))
    texts = data.draw(
        st.lists(
            PHRASES | edited.map(lambda e: e[0][: e[2]] + e[1] + e[0][e[2] + e[3] :]), max_size=8
        )
    )
    assert near_duplicates(texts, prompts) == brute_force(texts, prompts)


def test_small_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = [f"{LONG} and paint the lamp number {n}" for n in range(20)]
    texts = [f"{LONG} and sell the chair number {n}" for n in range(20)] + prompts[3:5] + ["short"]
    expected = near_duplicates(texts, prompts)
    assert expected == brute_force(texts, prompts)
    monkeypatch.setattr(leakage, "_CHARACTERS_A_BLOCK", 200)
    assert near_duplicates(texts, prompts) == expected
    monkeypatch.setattr(leakage, "_CHARACTERS_A_BLOCK", 2_000_000)
    for n in (1, 7, 100):
        monkeypatch.setattr(leakage, "_PAIRS_A_BLOCK", n)
        assert near_duplicates(texts, prompts) == expected


@pytest.mark.parametrize("spec", ["lab:tiny", "lab:small"])
def test_the_labs_train_questions_pass_beside_its_test_questions(spec: str) -> None:
    lab = Lab(parse_spec(spec))
    examples = [
        Example(
            example_id=question_id(thing, act),
            language=language,
            prompt=" ".join(lab.grammars[language].question(thing, act=act)),
            chosen="A reply.",
            cluster_id=f"object:{thing.index}",
        )
        for thing in lab.world.of_split("train")
        for act in range(lab.world.n_acts)
        for language in lab.recipe.languages
    ]
    check_unseen(examples, lab_prompts(lab))
    n = len(lab_prompts(lab, split="train", languages=["en-x-lab"]))
    with pytest.raises(InputError, match="by id or cluster"):
        check_unseen(examples, lab_prompts(lab, split="train"))
    nameless = [
        Example(example_id=f"t{k}", language=e.language, prompt=e.prompt, chosen=e.chosen)
        for k, e in enumerate(examples)
        if e.language == "en-x-lab"
    ]
    with pytest.raises(InputError, match=f"{n} of {len(nameless)} .*: {n} by text, such"):
        check_unseen(nameless, lab_prompts(lab, split="train", languages=["en-x-lab"]))
