"""Local models: batch = single, sampling, ends, limits, memory, rendering, workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, DynamicCache, GenerationConfig

from isogloss.errors import ModelError
from isogloss.records import Decoding, Prompt, Request, Response
from isogloss.targets.batching import Row
from isogloss.targets.edits import Edit
from isogloss.targets.generation import complete_rows, generate
from isogloss.targets.local import LocalTarget
from isogloss.targets.model import LocalModel, torch_threads
from isogloss.targets.options import LocalOptions
from isogloss.targets.sampling import choose_sampled, draw_uniforms
from targets.tiny_models import FAMILIES, tiny_model

WORDS = [
    "how",
    "do",
    "I",
    "cut",
    "the",
    "bread",
    "with",
    "a",
    "knife",
    "in",
    "the",
    "kitchen",
    "of",
    "the",
    "hall",
]
TOLERANCE = 1e-4


def _requests(n: int = 12) -> list[Request]:
    return [
        Request(
            prompt=Prompt(
                prompt_id=f"p{i:02d}",
                language="en",
                text=" ".join(WORDS[: 1 + (i * 5) % len(WORDS)]),
                intent="benign",
                cluster_id=f"p{i:02d}",
            )
        )
        for i in range(n)
    ]


def _by_key(responses: Iterator[Response]) -> dict[Any, Response]:
    listed = list(responses)
    found = {response.request.key: response for response in listed}
    assert len(found) == len(listed)
    return found


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: tiny_model(tmp_path_factory.mktemp(name), name) for name in FAMILIES}


@pytest.fixture(scope="module")
def llama(folders: dict[str, Path]) -> LocalModel:
    return LocalModel(str(folders["llama"]), LocalOptions())


def _rows(limit: int = 10, n: int = 6) -> list[Row]:
    generator = torch.Generator().manual_seed(1)
    return [
        Row(
            index=i,
            tokens=tuple(torch.randint(6, 320, (length,), generator=generator).tolist()),
            limit=limit,
            seed=i,
        )
        for i, length in enumerate(([3, 17, 9, 1, 17, 30] * n)[:n])
    ]


@torch.no_grad()
def _plain_logits(model: LocalModel, tokens: list[int]) -> torch.Tensor:
    """The reference: one row, no padding, no cache, positions left to the model."""
    return model.network(input_ids=torch.tensor([tokens]), use_cache=False).logits[0, -1]


@pytest.mark.parametrize("family", FAMILIES)
def test_left_padded_logits_are_those_of_a_row_alone(folders: dict, family: str) -> None:
    model = LocalModel(str(folders[family]), LocalOptions())
    rows = _rows()
    width = max(len(row.tokens) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, width - len(row.tokens) :] = torch.tensor(row.tokens)
        mask[i, width - len(row.tokens) :] = 1
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    cache = DynamicCache(config=model.network.config)
    with torch.no_grad():
        batched = model.next_logits(ids, mask, positions, cache)
    for i, row in enumerate(rows):
        alone = _plain_logits(model, list(row.tokens))
        assert alone.std() > 0.1, "flat logits would pass anything"
        torch.testing.assert_close(batched[i], alone, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_batched_greedy_is_that_of_a_row_alone(folders: dict, family: str) -> None:
    model = LocalModel(str(folders[family]), LocalOptions())
    for row, completion in zip(_rows(), generate(model, _rows(), 0.0), strict=True):
        assert completion.index == row.index
        tokens = list(row.tokens)
        for token in completion.tokens:
            logits = _plain_logits(model, tokens)
            assert logits.max() - logits[token] < TOLERANCE
            tokens.append(token)
        ended = int(_plain_logits(model, tokens).argmax()) in model.end_tokens
        assert completion.truncated == (len(completion.tokens) == row.limit)
        assert completion.truncated or ended


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_neighbours_never_change_a_reply(llama: LocalModel, temperature: float) -> None:
    rows = _rows()
    together = generate(llama, rows, temperature)
    assert together == [generate(llama, [row], temperature)[0] for row in rows]
    assert together == generate(llama, rows[::-1], temperature)[::-1]


def test_samples_differ_by_seed_and_by_nothing_else(llama: LocalModel) -> None:
    row = _rows()[1]
    other = Row(index=row.index, tokens=row.tokens, limit=row.limit, seed=row.seed + 1)
    first, second, third = (generate(llama, [r], 1.0)[0] for r in (row, other, row))
    assert first == third
    assert first.tokens != second.tokens


def test_sampling_follows_the_distribution() -> None:
    # An even grid of uniform numbers must hit every token in proportion, to one part of the grid.
    logits = torch.tensor([[2.0, -torch.inf, 0.0, 1.0, -3.0]])
    n, temperature = 10_000, 1.7
    grid = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    tokens, finite = choose_sampled(logits.expand(n, -1), grid, temperature)
    counts = torch.bincount(tokens, minlength=5)
    expected = torch.softmax(logits[0].double() / temperature, dim=0) * n
    assert finite.all()
    assert counts[1] == 0
    assert ((counts - expected).abs() <= 1).all()


def test_sampling_at_the_ends_of_the_unit_interval() -> None:
    logits = torch.tensor([[-torch.inf, 0.0, 0.0, -torch.inf]] * 2)
    ends = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    assert choose_sampled(logits, ends, 1.0)[0].tolist() == [1, 2]


def test_a_row_draws_the_same_however_many_steps_it_may_take() -> None:
    rows = _rows()[:2]
    assert torch.equal(draw_uniforms(rows, 9)[:, :4], draw_uniforms(rows, 4))
    assert not torch.equal(draw_uniforms(rows, 4)[0], draw_uniforms(rows, 4)[1])


@pytest.mark.parametrize("family", ["llama", "mistral"])
def test_rows_end_one_by_one_and_leave(
    folders: dict, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    """Ends planted at tokens the model is known to write, so that rows leave at all times."""
    model = LocalModel(str(folders[family]), LocalOptions())
    rows = _rows(20, n=40)
    plain = generate(model, rows, 0.0)
    ends = frozenset(plain[i].tokens[4 * i] for i in range(5))
    monkeypatch.setattr(model, "end_tokens", ends)
    sizes = []

    def rule(inputs: dict, network: Any) -> Any:
        sizes.append(len(inputs["input_ids"]))
        return network(**inputs)

    monkeypatch.setattr(model, "network", _Broken(model.network, rule))
    lengths = set()
    for before, after in zip(plain, generate(model, rows, 0.0), strict=True):
        cut = next((i for i, token in enumerate(before.tokens) if token in ends), None)
        assert after.tokens == before.tokens[:cut]
        assert after.truncated == (cut is None)
        lengths.add(len(after.tokens))
    assert len(lengths) >= 5
    assert len(set(sizes)) >= 3, "rows that ended must leave the batch"
    assert sizes == sorted(sizes, reverse=True)


def test_limits_are_a_rows_own(llama: LocalModel) -> None:
    full = generate(llama, _rows(9), 0.0)
    rows = [Row(index=r.index, tokens=r.tokens, limit=1 + i, seed=0) for i, r in enumerate(_rows())]
    for i, completion in enumerate(generate(llama, rows, 0.0)):
        assert completion.tokens == full[i].tokens[: 1 + i]
        assert completion.truncated


class _Broken:
    """A network that fails, or answers with something else, on the batches a rule names."""

    def __init__(self, network: Any, rule: Any) -> None:
        self.network, self.rule, self.config = network, rule, network.config

    def __call__(self, **inputs: Any) -> Any:
        return self.rule(inputs, self.network)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
)
def test_out_of_memory_halves_the_batch(
    llama: LocalModel, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    expected = generate(llama, _rows(), 0.0)
    sizes = []

    def rule(inputs: dict, network: Any) -> Any:
        sizes.append(len(inputs["input_ids"]))
        if sizes[-1] > 2:
            raise error
        return network(**inputs)

    monkeypatch.setattr(llama, "network", _Broken(llama.network, rule))
    assert complete_rows(llama, _rows(), 0.0) == expected
    assert sizes[:3] == [6, 3, 1]


def test_a_row_that_never_fits_is_an_error_and_the_others_go_on(
    llama: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = generate(llama, _rows(), 0.0)

    def rule(inputs: dict, network: Any) -> Any:
        if inputs["attention_mask"].shape[1] >= 30:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return network(**inputs)

    monkeypatch.setattr(llama, "network", _Broken(llama.network, rule))
    completions = complete_rows(llama, _rows(), 0.0)
    assert completions[:5] == expected[:5]
    assert completions[5].error == "out of memory on cpu: 30 prompt tokens"


def test_other_failures_are_the_targets(llama: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(inputs: dict, network: Any) -> Any:
        raise RuntimeError('"addmm" not implemented for this dtype')

    monkeypatch.setattr(llama, "network", _Broken(llama.network, rule))
    with pytest.raises(ModelError, match="addmm"):
        complete_rows(llama, _rows(), 0.0)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_not_a_number_is_an_error_of_its_row_alone(
    llama: LocalModel, monkeypatch: pytest.MonkeyPatch, temperature: float
) -> None:
    expected = generate(llama, _rows(), temperature)

    def rule(inputs: dict, network: Any) -> Any:
        output = network(**inputs)
        if inputs["input_ids"].shape[1] > 1:
            output.logits[2] = torch.nan
        return output

    monkeypatch.setattr(llama, "network", _Broken(llama.network, rule))
    completions = generate(llama, _rows(), temperature)
    assert "finite" in (completions[2].error or "")
    assert completions[:2] + completions[3:] == expected[:2] + expected[3:]


def test_threads_come_back() -> None:
    before = torch.get_num_threads()
    with suppress(KeyError), torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise KeyError
    assert torch.get_num_threads() == before


def test_any_order_any_resume_any_worker_count_same_rows(folders: dict) -> None:
    requests = _requests()
    decoding = Decoding(max_new_tokens=8, temperature=1.0, seed=3)
    options = LocalOptions(batch_tokens=100)
    target = LocalTarget(folders["llama"], options=options)
    whole = _by_key(target.complete(requests, decoding))
    assert set(whole) == {request.key for request in requests}
    assert {response.status for response in whole.values()} == {"ok"}

    assert _by_key(target.complete(requests[::-1], decoding)) == whole
    skip = {request.key for request in requests[2:9]}
    rest = _by_key(target.complete(requests, decoding, skip))
    assert rest == {key: response for key, response in whole.items() if key not in skip}
    two = LocalTarget(folders["llama"], options=LocalOptions(batch_tokens=100, workers=2))
    assert _by_key(two.complete(requests, decoding)) == whole


def test_a_skipped_rows_batch_is_not_run_for_nothing(
    folders: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = LocalTarget(folders["llama"])
    requests = _requests()

    def rule(inputs: dict, network: Any) -> Any:
        raise AssertionError("nothing was left to do")

    monkeypatch.setattr(target.model, "network", _Broken(target.model.network, rule))
    monkeypatch.setattr(LocalModel, "n_parameters", 1)
    skip = {request.key for request in requests}
    assert list(target.complete(requests, Decoding(), skip)) == []


def test_a_checkpoints_own_decoding_never_leaks(tmp_path: Path, folders: dict) -> None:
    decoding = Decoding(max_new_tokens=8)
    plain = _by_key(LocalTarget(folders["llama"]).complete(_requests(), decoding))
    key, reference = next((k, r) for k, r in plain.items() if r.truncated)
    ids = LocalTarget(folders["llama"]).model.tokenizer(reference.text, add_special_tokens=False)
    folder = tiny_model(
        tmp_path,
        generation_config=GenerationConfig(
            do_sample=True, temperature=5.0, repetition_penalty=9.0, max_new_tokens=2,
            eos_token_id=[2, 3], suppress_tokens=ids["input_ids"][:1],
        ),
    )  # fmt: skip
    target = LocalTarget(folder)
    assert target.model.end_tokens == {2, 3}
    assert _by_key(target.complete(_requests(), decoding))[key] == reference


def test_context_is_a_limit_never_a_cut(tmp_path: Path) -> None:
    target = LocalTarget(tiny_model(tmp_path, context_length=12))
    replies = list(target.complete(_requests(), Decoding(max_new_tokens=5)))
    assert len(replies) == 12
    for reply in replies:
        assert reply.n_prompt_tokens is not None
        if reply.n_prompt_tokens >= 12:
            assert reply.status == "error"
            assert "context of 12" in (reply.reason or "")
        else:
            assert reply.status == "ok"
            assert reply.n_tokens is not None
            assert reply.n_prompt_tokens + reply.n_tokens <= 12
            if reply.truncated:
                assert reply.n_tokens == min(5, 12 - reply.n_prompt_tokens)
    assert {reply.status for reply in replies} == {"ok", "error"}


def _seen(target: LocalTarget, system_prompt: str | None, text: str = "cut bread") -> str:
    """The text a model sees, special tokens and all."""
    prompt = Prompt(prompt_id="a", language="en", text=text, intent="benign", cluster_id="a")
    ids = target._renderer.encode([prompt], system_prompt)[0]
    return target.model.tokenizer.decode(ids)


def test_chat_template_with_a_system_role(folders: dict) -> None:
    target = LocalTarget(folders["llama"])
    assert target.template.startswith("chat:")
    assert _seen(target, None) == "<s><|user|>cut bread<|assistant|>"
    assert _seen(target, "the hall") == "<s><|system|>the hall<|user|>cut bread<|assistant|>"


@pytest.mark.parametrize(
    "refusal",
    ["{{ raise_exception('no system role') }}", ""],
    ids=["raises", "drops it silently"],
)
def test_chat_template_without_a_system_role(tmp_path: Path, refusal: str) -> None:
    template = (
        "{% for m in messages %}{% if m['role'] == 'system' %}" + refusal + "{% else %}"
        "<|user|>{{ m['content'] }}{% endif %}{% endfor %}<|assistant|>"
    )
    target = LocalTarget(tiny_model(tmp_path, chat_template=template))
    assert _seen(target, "the hall") == "<|user|>the hall\n\ncut bread<|assistant|>"
    assert _seen(target, None) == "<|user|>cut bread<|assistant|>"


def test_no_template_is_plain_text(tmp_path: Path) -> None:
    target = LocalTarget(tiny_model(tmp_path, chat_template=None))
    assert target.template.startswith("plain ")
    assert _seen(target, None) == "<s>cut bread"
    assert _seen(target, "the hall") == "<s>the hall\n\ncut bread"


def test_a_given_rendering_is_taken_to_the_letter(folders: dict) -> None:
    target = LocalTarget(
        folders["llama"],
        render=lambda prompt, system: f"</s>{system}: {prompt.text}</s>",
        render_id="shots-3",
    )
    assert target.template.startswith("render:shots-3 ")
    assert _seen(target, "the hall") == "</s>the hall: cut bread</s>"
    with pytest.raises(ValueError, match="render_id"):
        LocalTarget(folders["llama"], render=lambda prompt, system: prompt.text)


def test_hostile_and_empty_prompts_are_rows_like_others(tmp_path: Path) -> None:
    target = LocalTarget(
        tiny_model(tmp_path, chat_template=None),
        render=lambda prompt, system: prompt.text,
        render_id="text",
    )
    texts = {"empty": "", "surrogate": "bread \ud800", "null": "\0\x1b[31m"}
    requests = [
        Request(prompt=Prompt(prompt_id=k, language="en", text=v, intent="harmful", cluster_id=k))
        for k, v in texts.items()
    ]
    replies = {r.request.key.prompt_id: r for r in target.complete(requests, Decoding())}
    assert replies["empty"].status == "error"
    assert replies["surrogate"].status == replies["null"].status == "ok"


def test_model_card(folders: dict) -> None:
    card = LocalTarget(folders["bloom"]).model_card()
    parameters = LocalModel(str(folders["bloom"]), LocalOptions()).network.parameters()
    assert card["n_parameters"] == sum(p.numel() for p in parameters)
    assert card["architecture"] == "BloomForCausalLM"
    assert (card["dtype"], card["device"], card["template_kind"]) == ("float32", "cpu", "chat")
    assert card["context_length"] is None  # ALiBi
    assert card["vocabulary_size"] == 320


def test_other_weights_in_the_same_folder_are_another_template(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path)
    before = LocalTarget(folder).template
    assert LocalTarget(folder).template == before
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        next(model.parameters()).add_(0.01)
    model.save_pretrained(folder)
    assert LocalTarget(folder).template != before


@pytest.mark.parametrize("template", ["{{ messages[0].nothing.here }}", "{% for %}"])
def test_a_template_that_fails_is_found_before_anything_is_asked(
    tmp_path: Path, template: str
) -> None:
    folder = tiny_model(tmp_path, chat_template=template)
    with pytest.raises(ModelError, match="chat template cannot be used"):
        LocalTarget(folder)


def _steer(prompt: Prompt) -> Edit | None:
    return _EDITS[len(prompt.text) % 2]


_EDITS = (
    None,
    Edit(vectors={0: np.linspace(-2, 3, 32)}, strength=2.0, operator="add"),
)


def test_every_reply_is_generated_under_its_prompts_edit(folders: dict) -> None:
    requests, decoding = _requests(), Decoding(max_new_tokens=8)
    options = LocalOptions(batch_tokens=100)
    plain = _by_key(LocalTarget(folders["llama"], options=options).complete(requests, decoding))
    steered = LocalTarget(folders["llama"], steer=_steer, steer_id="odd +2", options=options)
    found = _by_key(steered.complete(requests, decoding))
    changed = {key for key, reply in found.items() if reply.text != plain[key].text}
    assert changed == {r.key for r in requests if len(r.prompt.text) % 2}
    two = LocalTarget(
        folders["llama"],
        steer=_steer,
        steer_id="odd +2",
        options=LocalOptions(batch_tokens=100, workers=2),
    )
    assert _by_key(two.complete(requests, decoding)) == found


def test_steered_and_plain_replies_never_share_a_key(folders: dict) -> None:
    plain = LocalTarget(folders["llama"]).template
    steered = LocalTarget(folders["llama"], steer=_steer, steer_id="odd +2").template
    assert steered == f"{plain} steer:odd +2"
    with pytest.raises(ValueError, match="steer and steer_id come together"):
        LocalTarget(folders["llama"], steer=_steer)
    with pytest.raises(ValueError, match="steer and steer_id come together"):
        LocalTarget(folders["llama"], steer_id="odd +2")


def test_an_edit_that_does_not_fit_is_found_before_anything_is_generated(folders: dict) -> None:
    bad = Edit(vectors={0: np.ones(3)}, strength=1.0, operator="add")
    target = LocalTarget(
        folders["llama"],
        steer=lambda prompt: bad if prompt.prompt_id == "p11" else None,
        steer_id="bad",
        options=LocalOptions(batch_tokens=1),
    )
    passes: list[int] = []
    target.model.network.register_forward_pre_hook(lambda *_: passes.append(1))
    with pytest.raises(ModelError, match="layer 0 has 3 values"):
        next(target.complete(_requests(), Decoding()))
    assert passes == []
