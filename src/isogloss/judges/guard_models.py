"""The two kinds of local guards: chat models that write their word, and classification heads."""

# pyright: standard
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from jinja2 import TemplateError
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from isogloss.errors import ModelError
from isogloss.judges.guard import GuardWord, Meaning, read_words
from isogloss.quiet import quiet_transformers
from isogloss.records import Response
from isogloss.seeds import content_hash
from isogloss.targets.batching import Row, default_batch_tokens, plan_batches
from isogloss.targets.checkpoint import as_model_error, locate_checkpoint, weights_fingerprint
from isogloss.targets.generation import complete_rows
from isogloss.targets.model import (
    NO_TOKENIZER,
    LocalModel,
    default_threads,
    load_network,
    torch_device,
    torch_dtype,
    torch_threads,
)
from isogloss.targets.options import LocalOptions

ANSWER_TOKENS = 48
_ROWS = 32
_LONGEST_CONTEXT = 1_000_000
_REQUEST, _REPLY = "isogloss probes the request", "isogloss probes the reply"


class ChatGuard:
    """A causal model whose chat template turns request and reply into a question about safety.

    Raises:
        ModelError: it cannot be loaded, or its template leaves out the request or the reply.
    """

    def __init__(self, source: str, options: LocalOptions) -> None:
        self._model = LocalModel(source, options)
        self._threads = options.threads or default_threads(self._model.n_parameters)
        self._batch_tokens = options.batch_tokens or default_batch_tokens(
            self._model.n_parameters, self._model.device.type
        )
        tokenizer = self._model.tokenizer
        if tokenizer.chat_template is None:
            raise ModelError(
                f"{source} is neither a guard with a chat template nor a classification head."
            )
        self._in_parts = False
        if not self._shows_both():
            self._in_parts = True  # some templates want content as a list of parts
            if not self._shows_both():
                raise ModelError(
                    f"the chat template of {source} does not take a request and a reply; it is no "
                    "guard for replies."
                )
        self.settings = f"{self._model.weights} {content_hash(str(tokenizer.chat_template))}"

    def words(self, responses: Sequence[Response]) -> Iterator[GuardWord]:
        """One word a response, in order."""
        texts = [self._render(r.request.prompt.text, r.text) for r in responses]
        tokens: list[list[int]] = (
            self._model.tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
        )
        longest = self._model.context_length or _LONGEST_CONTEXT
        rows = [
            Row(index=i, tokens=tuple(ids), limit=min(ANSWER_TOKENS, longest - len(ids)), seed=0)
            for i, ids in enumerate(tokens)
            if len(ids) < longest
        ]
        said: dict[int, GuardWord] = {}
        for batch in plan_batches(rows, batch_tokens=self._batch_tokens):
            with torch_threads(self._threads):
                for completion in complete_rows(self._model, batch, 0.0):
                    said[completion.index] = (
                        GuardWord(meaning=None, reason=completion.error)
                        if completion.error
                        else read_words(
                            self._model.tokenizer.decode(
                                completion.tokens, skip_special_tokens=True
                            )
                        )
                    )
        for i, ids in enumerate(tokens):
            yield said.get(i) or _too_long(len(ids), longest)

    def _shows_both(self) -> bool:
        try:
            text = self._render(_REQUEST, _REPLY)
        except (TemplateError, TypeError):
            return False
        return _REQUEST in text and _REPLY in text

    def _render(self, request: str, reply: str) -> str:
        def content(text: str) -> Any:
            clean = text.encode("utf-8", "replace").decode()
            return [{"type": "text", "text": clean}] if self._in_parts else clean

        conversation = [
            {"role": "user", "content": content(request)},
            {"role": "assistant", "content": content(reply)},
        ]
        return self._model.tokenizer.apply_chat_template(
            conversation, tokenize=False, add_generation_prompt=True
        )


class ClassifierGuard:
    """A sequence-classification head over request and reply.

    Attributes:
        labels: of its config's ``id2label``, by index.
        weights: changes when the weights do.

    Raises:
        ModelError: it cannot be loaded, or gives several labels at once.
    """

    def __init__(self, source: str, options: LocalOptions) -> None:
        device = torch_device(options.device)
        # A head is small and its logits decide: full precision unless another is asked for.
        dtype = torch_dtype("float32" if options.dtype == "auto" else options.dtype, device)
        folder = locate_checkpoint(source, options)
        self.weights = weights_fingerprint(folder)
        trust = options.trust_remote_code
        with quiet_transformers(), as_model_error(source, NO_TOKENIZER):
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust)
        what = f"the classifier {source}"
        self._network: Any = load_network(
            AutoModelForSequenceClassification, folder, options, what=what, dtype=dtype
        )
        config = self._network.config
        if config.problem_type not in (None, "single_label_classification"):
            raise ModelError(
                f"{source} is for {config.problem_type}; a guard gives one label a reply."
            )
        self.labels = [str(config.id2label[i]) for i in range(config.num_labels)]
        self._longest = min(
            self._tokenizer.model_max_length,
            getattr(config, "max_position_embeddings", None) or _LONGEST_CONTEXT,
        )
        self._threads = options.threads or default_threads(self._network.num_parameters())

    def words(
        self, responses: Sequence[Response], meanings: Mapping[str, Meaning]
    ) -> Iterator[GuardWord]:
        """The likeliest label of every response, in order."""
        tokens = [self._tokens(r.request.prompt.text, r.text) for r in responses]
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]["input_ids"]))
        fitting = [i for i in order if len(tokens[i]["input_ids"]) <= self._longest]
        said: dict[int, GuardWord] = {}
        for start in range(0, len(fitting), _ROWS):
            group = fitting[start : start + _ROWS]
            for i, label in zip(group, self._classify([tokens[i] for i in group]), strict=True):
                said[i] = GuardWord(meaning=meanings[label], reason=label)
        for i, row in enumerate(tokens):
            yield said.get(i) or _too_long(len(row["input_ids"]), self._longest)

    def _tokens(self, request: str, reply: str) -> Any:
        clean = [text.encode("utf-8", "replace").decode() for text in (request, reply)]
        with quiet_transformers():
            return self._tokenizer(*clean)

    @torch.inference_mode()
    def _classify(self, rows: list[Any]) -> list[str]:
        with torch_threads(self._threads), quiet_transformers():
            if self._tokenizer.pad_token is None:  # one at a time: no padding to be told apart
                logits = torch.cat([self._logits([row]) for row in rows])
            else:
                logits = self._logits(rows)
        return [self.labels[int(i)] for i in logits.argmax(dim=-1)]

    def _logits(self, rows: list[Any]) -> torch.Tensor:
        device = self._network.device
        if len(rows) == 1:
            inputs = {k: torch.tensor([v], device=device) for k, v in rows[0].items()}
        else:
            inputs = dict(self._tokenizer.pad(rows, return_tensors="pt").to(device))
        return self._network(**inputs).logits.float()


def _too_long(n_tokens: int, longest: int) -> GuardWord:
    reason = f"request and reply are {n_tokens} tokens; the guard reads {longest} at most"
    return GuardWord(meaning=None, reason=reason)
