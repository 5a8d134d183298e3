"""Competence: how well a model knows a language, in held-out bits per character.

The exact log-likelihood of text the model was not trained on, in bits, over its characters
(Unicode code points): lower is better, 0 is perfect, and no tokenizer is favoured, as it would be
per token. It is the covariate of every claim that a concept fades with a language: a model that
cannot read a text cannot know what is harmful in it.

A text longer than the window is cut into windows that overlap by half: every token is scored once,
and behind the first window with at least half a window of the text before it. A text stands behind
the model's opening token, or behind its end token where it has none, as documents do in training.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from isogloss.errors import InputError, ModelError
from isogloss.progress import Progress, silent
from isogloss.records import Measurement
from isogloss.stats.ratios import ratio_half_width
from isogloss.targets.model import LocalModel, default_threads, torch_threads
from isogloss.targets.recording import plan_reading

WINDOW = 512
"""Most tokens of a window, the opening one included; a shorter context of the model wins."""
LOGITS_AT_ONCE = 2**26
"""Entries of one batch's logits: 256 MiB in float32."""
MAX_UNKNOWN = 0.001
"""Share of unknown tokens above which the likelihood is no longer that of the text."""
METRIC = "competence_bits_per_character"


@dataclass(frozen=True, slots=True, kw_only=True)
class Competence:
    """One language.

    Attributes:
        bits_per_character: total bits over total characters; None where not measured.
        low, high: 95 %, texts resampled (a t interval of the ratio); None under two texts.
        n_texts, n_characters, n_tokens: what was read.
        window: tokens of context, the opening one included.
        reason: why there is no figure, or no interval.
    """

    language: str
    bits_per_character: float | None
    low: float | None = None
    high: float | None = None
    n_texts: int = 0
    n_characters: int = 0
    n_tokens: int = 0
    window: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Window:
    text: int
    tokens: tuple[int, ...]
    scored: int  # the last so many


def measure_competence(
    model: LocalModel,
    texts: Mapping[str, Sequence[str]],
    *,
    window: int = WINDOW,
    batch_tokens: int | None = None,
    progress: Progress = silent,
) -> list[Competence]:
    """Bits per character of every language.

    Args:
        model: not changed; no gradients.
        texts: by language, held out from the model's training.
        window: tokens a prediction may look back on, the opening one included.
        batch_tokens: padded tokens of a batch; by vocabulary size unless given.

    Returns:
        One a language, in the order of ``texts``.

    Raises:
        InputError: a window under two tokens.
        ModelError: the tokenizer has neither an opening nor an end token, or memory ran out.
    """
    window = min(window, model.context_length or window)
    if window < 2:
        raise InputError(f"a window has 2 tokens or more, not {window}")
    budget = batch_tokens or max(window, LOGITS_AT_ONCE // model.vocabulary_size)
    found: list[Competence] = []
    with torch_threads(default_threads(model.n_parameters)):
        for done, (language, of) in enumerate(texts.items()):
            progress("competence (languages)", done, len(texts))
            found.append(_measure(model, language, list(of), window, budget))
    progress("competence (languages)", len(texts), len(texts))
    return found


def competence_rows(found: Sequence[Competence], *, target: str) -> list[Measurement]:
    """Rows of area ``concepts``, metric ``competence_bits_per_character``; n = texts."""
    return [
        Measurement(
            area="concepts",
            metric=METRIC,
            target=target,
            language=one.language,
            n=one.n_texts,
            n_clusters=one.n_texts,
            estimate=one.bits_per_character,
            low=one.low,
            high=one.high,
            unit="bits per character",
            method=f"exact log-likelihood, windows of {one.window} tokens overlapping by half",
            scope="this model",
            reason=one.reason,
        )
        for one in found
    ]


def _measure(
    model: LocalModel, language: str, texts: list[str], window: int, budget: int
) -> Competence:
    tokens: list[list[int]] = []
    if texts:
        tokens = model.tokenizer(texts, add_special_tokens=False)["input_ids"]
    n_tokens = sum(map(len, tokens))
    n_characters = sum(map(len, texts))
    size = {"n_texts": len(texts), "n_characters": n_characters, "n_tokens": n_tokens}
    reason = None if n_tokens else "no held-out text"
    unknown = model.tokenizer.unk_token_id
    n_unknown = sum(row.count(unknown) for row in tokens) if unknown is not None else 0
    if n_unknown > MAX_UNKNOWN * n_tokens:
        reason = f"{n_unknown} of {n_tokens} tokens are unknown to the tokenizer"
    if reason:
        return Competence(
            language=language, bits_per_character=None, window=window, reason=reason, **size
        )
    bits = _bits(model, tokens, window, budget)
    low, high = ratio_interval(bits, np.array([len(text) for text in texts], dtype=np.float64))
    return Competence(
        language=language,
        bits_per_character=float(bits.sum()) / n_characters,
        low=low,
        high=high,
        window=window,
        reason=None if low is not None else "one text: no interval",
        **size,
    )


def ratio_interval(above: np.ndarray, below: np.ndarray) -> tuple[float | None, float | None]:
    """95 % interval of a ratio of sums, by its linearised variance over units and t.

    Args:
        above: (N,) bits of each text.
        below: (N,) characters of each text.
    """
    half = ratio_half_width(above, below)
    if half is None:
        return None, None
    ratio = float(above.sum() / below.sum())
    return max(0.0, ratio - half), ratio + half


def _bits(
    model: LocalModel, tokens: Sequence[Sequence[int]], window: int, budget: int
) -> np.ndarray:
    """(N,) bits of each text, summed in float64."""
    opening = _opening(model)
    windows = [w for i, row in enumerate(tokens) for w in _windows(i, row, opening, window)]
    total = np.zeros(len(tokens))
    for batch in plan_reading([len(w.tokens) for w in windows], batch_tokens=budget):
        rows = [windows[index] for index in batch]
        for row, bits in zip(rows, _score(model, rows), strict=True):
            total[row.text] += bits
    return total


def _opening(model: LocalModel) -> int:
    for token in (model.tokenizer.bos_token_id, model.tokenizer.eos_token_id):
        if token is not None:
            return token
    raise ModelError(
        f"the tokenizer of {model.source} has neither an opening nor an end token, so the first "
        "token of a text has no probability; set bos_token in its tokenizer_config.json."
    )


def _windows(text: int, tokens: Sequence[int], opening: int, window: int) -> Iterator[_Window]:
    """Cut a text into windows that together score each of its tokens once."""
    whole = (opening, *tokens)
    done = 1
    while done < len(whole):
        start = 0 if done == 1 else done - window // 2
        stop = min(len(whole), start + window)
        yield _Window(text, whole[start:stop], stop - done)
        done = stop


def _score(model: LocalModel, rows: Sequence[_Window]) -> list[float]:
    """Bits of each row's scored tokens."""
    width = max(len(row.tokens) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)  # padding is on the right, never seen
    mask = torch.zeros_like(ids)
    for n, row in enumerate(rows):
        ids[n, : len(row.tokens)] = torch.tensor(row.tokens)
        mask[n, : len(row.tokens)] = 1
    logits = _logits(model, ids, mask)
    bits: list[float] = []
    for n, row in enumerate(rows):
        stop = len(row.tokens)
        targets = ids[n, stop - row.scored : stop].to(logits.device)
        # Row by row, so that only one row's logits are ever in float32.
        loss = functional.cross_entropy(
            logits[n, stop - row.scored - 1 : stop - 1].float(), targets, reduction="none"
        )
        bits.append(float(loss.double().sum()) / math.log(2))
    return bits


def _logits(model: LocalModel, ids: Tensor, mask: Tensor) -> Tensor:
    network = model.network
    inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
    names = inspect.signature(network.forward).parameters
    moved = {
        name: value.to(model.device) if isinstance(value, Tensor) else value
        for name, value in inputs.items()
        if name in names
    }
    try:
        with torch.inference_mode():
            return network(**moved).logits
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"out of memory on {model.device} while reading {len(ids)} windows of {ids.shape[1]} "
            "tokens at once; set batch_tokens lower, or a smaller window."
        ) from error
