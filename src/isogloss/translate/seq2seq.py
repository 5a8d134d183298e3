"""A translation model of Hugging Face in this process: NLLB, M2M-100, mBART, MADLAD, OPUS.

Beam search with four beams, as these models were published and are measured with, and nothing of
the checkpoint's own generation settings but its special tokens. Deterministic: no sampling, and
batches are planned by length over all texts of a call.
"""

# pyright: standard

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, GenerationConfig

from isogloss.errors import ModelError
from isogloss.quiet import quiet_transformers
from isogloss.targets.batching import Row, default_batch_tokens, plan_batches
from isogloss.targets.checkpoint import as_model_error, locate_checkpoint, weights_fingerprint
from isogloss.targets.model import (
    default_threads,
    load_network,
    torch_device,
    torch_dtype,
    torch_threads,
)
from isogloss.targets.options import LocalOptions
from isogloss.translate.base import TranslatedText, in_order
from isogloss.translate.families import Languages, Wanted

logger = logging.getLogger(__name__)

N_BEAMS = 4
_NEEDS_SENTENCEPIECE = (
    "{what} has no usable tokenizer ({why}). Tokenizers of OPUS models need the package "
    "sentencepiece: pip install 'isogloss[opus]'"
)


class LocalTranslator:
    """Translates with an encoder-decoder model loaded here.

    Args:
        source: a folder written by ``save_pretrained``, or the id of a model on the hub.
        options: where and how it runs; ``workers`` is not used.

    Raises:
        ModelError: not a translation model known here, incomplete, or out of reach.

    Example:
        >>> engine = LocalTranslator("models/nllb", LocalOptions())  # doctest: +SKIP
        >>> next(engine.translate(["Good morning."], "en", "sw")).text  # doctest: +SKIP
        'Habari za asubuhi.'
    """

    def __init__(self, source: str, options: LocalOptions) -> None:
        self._name = f"hf:{source}" + (f"@{options.revision}" * bool(options.revision))
        self._options = options
        self._device = torch_device(options.device)
        dtype = torch_dtype(options.dtype, self._device)
        folder = locate_checkpoint(source, options)
        model_type = json.loads((folder / "config.json").read_bytes())["model_type"]
        self._weights = weights_fingerprint(folder)
        trust = options.trust_remote_code
        with quiet_transformers(), as_model_error(source, _NEEDS_SENTENCEPIECE):
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust)
        self._languages = Languages(source, model_type, self._tokenizer)
        logger.info("loading %s on %s", source, self._device)
        what = f"the translation model {source}"
        self._network: Any = load_network(
            AutoModelForSeq2SeqLM, folder, options, what=what, dtype=dtype
        )
        self._longest: int | None = getattr(self._network.config, "max_position_embeddings", None)
        size = sum(parameter.numel() for parameter in self._network.parameters())
        self._threads = options.threads or default_threads(size)
        budget = options.batch_tokens or default_batch_tokens(size, self._device.type)
        self._batch_tokens = max(1, budget // N_BEAMS)

    @property
    def name(self) -> str:
        return self._name

    @property
    def settings(self) -> str:
        return f"beams:{N_BEAMS} weights:{self._weights}"

    def translate(self, texts: Sequence[str], source: str, target: str) -> Iterator[TranslatedText]:
        """See `isogloss.translate.base.Translator`."""
        return in_order(self.translate_unordered(texts, source, target), len(texts))

    def translate_unordered(
        self, texts: Sequence[str], source: str, target: str
    ) -> Iterator[tuple[int, TranslatedText]]:
        """Yield translations batch by batch, the longest texts first.

        A text that does not fit into the model is not translated; none is ever cut to fit.
        """
        wanted = self._languages.wanted(source, target)
        encoded = self._encode(texts, wanted)
        rows: list[Row] = []
        for index, tokens in enumerate(encoded):
            if self._longest is not None and len(tokens) > self._longest:
                reason = f"{len(tokens)} tokens; the model takes {self._longest}"
                yield index, TranslatedText(reason=reason)
            else:
                rows.append(
                    Row(index=index, tokens=tuple(tokens), limit=self._room(tokens), seed=0)
                )
        # One limit a batch: where a runaway translation is cut must not depend on its neighbours.
        for limit in sorted({row.limit for row in rows}, reverse=True):
            alike = [row for row in rows if row.limit == limit]
            for batch in plan_batches(alike, batch_tokens=self._batch_tokens):
                with torch_threads(self._threads):
                    answers = list(self._translate_batch(batch, wanted))
                yield from answers

    def _encode(self, texts: Sequence[str], wanted: Wanted) -> list[list[int]]:
        if not texts:
            return []
        if wanted.source_code is not None:
            self._tokenizer.src_lang = wanted.source_code
        with quiet_transformers():
            return self._tokenizer([wanted.prefix + text for text in texts])["input_ids"]

    def _room(self, tokens: Sequence[int]) -> int:
        """Most tokens of a translation: a power of two above three times those of its source."""
        room = 1 << (3 * len(tokens) + 32).bit_length()
        return room if self._longest is None else min(room, self._longest - 1)

    def _translate_batch(
        self, batch: Sequence[Row], wanted: Wanted
    ) -> Iterator[tuple[int, TranslatedText]]:
        try:
            written = self._generate(batch, wanted)
        except (torch.OutOfMemoryError, MemoryError):
            written = None
        if written is None:  # past the except clause: its traceback held the batch's tensors
            yield from self._translate_halves(batch, wanted)
            return
        for row, tokens in zip(batch, written, strict=True):
            yield row.index, self._read(row, tokens)

    def _translate_halves(
        self, batch: Sequence[Row], wanted: Wanted
    ) -> Iterator[tuple[int, TranslatedText]]:
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        if len(batch) == 1:
            reason = f"out of memory on {self._device}: {len(batch[0].tokens)} tokens"
            yield batch[0].index, TranslatedText(reason=reason)
            return
        logger.warning("out of memory with %d texts in a batch; going on with halves", len(batch))
        middle = len(batch) // 2
        yield from self._translate_batch(batch[:middle], wanted)
        yield from self._translate_batch(batch[middle:], wanted)

    @torch.inference_mode()
    def _generate(self, batch: Sequence[Row], wanted: Wanted) -> list[list[int]]:
        width = max(len(row.tokens) for row in batch)
        pad = self._tokenizer.pad_token_id
        ids = torch.full((len(batch), width), pad)
        mask = torch.zeros(len(batch), width, dtype=torch.long)
        for i, row in enumerate(batch):
            ids[i, : len(row.tokens)] = torch.tensor(row.tokens)
            mask[i, : len(row.tokens)] = 1
        with quiet_transformers():
            out = self._network.generate(
                input_ids=ids.to(self._device),
                attention_mask=mask.to(self._device),
                generation_config=self._generation(batch[0].limit, wanted),
            )
        return out.tolist()

    def _generation(self, limit: int, wanted: Wanted) -> GenerationConfig:
        own = self._network.generation_config
        start = own.decoder_start_token_id
        if start is None:
            start = self._network.config.decoder_start_token_id
        if start is None:
            raise ModelError(f"{self._name} names no decoder_start_token_id in its config.json")
        return GenerationConfig(
            num_beams=N_BEAMS,
            do_sample=False,
            early_stopping=True,
            max_new_tokens=limit,
            decoder_start_token_id=start,
            forced_bos_token_id=wanted.first_token,
            eos_token_id=self._tokenizer.eos_token_id,
            pad_token_id=self._tokenizer.pad_token_id,
            # Marian's vocabulary gives padding a score like any other token.
            suppress_tokens=[self._tokenizer.pad_token_id],
        )

    def _read(self, row: Row, tokens: list[int]) -> TranslatedText:
        ended = self._tokenizer.eos_token_id in tokens[1:]
        text = self._tokenizer.decode(tokens, skip_special_tokens=True).strip()
        n_tokens = sum(token != self._tokenizer.pad_token_id for token in tokens[1:])
        return TranslatedText(
            text=text or None,
            reason=None if text else "the engine gave an empty text",
            truncated=not ended,
            n_prompt_tokens=len(row.tokens),
            n_tokens=n_tokens,
        )
