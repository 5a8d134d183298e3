"""A Hugging Face model in this process, as a target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from isogloss.distribute import map_unordered
from isogloss.errors import ModelError
from isogloss.quiet import quiet_transformers
from isogloss.records import Decoding, Prompt, Request, RequestKey, Response
from isogloss.seeds import derive_seed
from isogloss.targets.batching import Row, default_batch_tokens, plan_batches
from isogloss.targets.editing import check_edits
from isogloss.targets.edits import Edit
from isogloss.targets.generation import Completion, complete_rows
from isogloss.targets.guard import load_guard
from isogloss.targets.model import LocalModel, default_threads, torch_threads
from isogloss.targets.options import LocalOptions
from isogloss.targets.rendering import Render, Renderer

Steer = Callable[[Prompt], Edit | None]
"""From a prompt to the edit its reply is generated under; None leaves the model as it is."""


class LocalTarget:
    """Answers with a causal language model loaded here.

    Args:
        source: a folder written by ``save_pretrained``, or the id of a model on the hub.
        name: the canonical target string; ``hf:SOURCE`` (and its revision) unless given.
        render: makes the text the model sees, special tokens included, in place of the model's
            chat template (few-shot prompts for a base model).
        render_id: names ``render`` and all that shapes it; required with it.
        steer: changes the model's hidden states while it reads a prompt and answers it. Prompts
            that are steered alike should be given the same `Edit` object.
        steer_id: names ``steer`` and all that shapes it; required with it.
        options: where and how it runs.

    Raises:
        ModelError: the model cannot be loaded, or the options do not go together.

    Example:
        >>> target = LocalTarget("models/mine")  # doctest: +SKIP
        >>> replies = list(target.complete(requests, Decoding(max_new_tokens=32)))  # doctest: +SKIP
    """

    def __init__(
        self,
        source: str | Path,
        *,
        name: str | None = None,
        render: Render | None = None,
        render_id: str | None = None,
        steer: Steer | None = None,
        steer_id: str | None = None,
        options: LocalOptions | None = None,
    ) -> None:
        options = options or LocalOptions()
        if options.workers < 1:
            raise ModelError(f"workers must be 1 or more, not {options.workers}.")
        if options.batch_tokens is not None and options.batch_tokens < 1:
            raise ModelError(f"batch_tokens must be 1 or more, not {options.batch_tokens}.")
        if (steer is None) != (steer_id is None):
            raise ValueError("steer and steer_id come together")
        if steer is not None and options.guard is not None:
            raise ValueError("a target is steered by a function or by a guard, not by both")
        self.options = options
        self.model = LocalModel(str(source), options)
        if options.workers > 1 and self.model.device.type != "cpu":
            raise ModelError(f"workers share out CPU work; on {self.model.device} use workers=1.")
        self._steer, self._steer_id = steer, steer_id
        if options.guard is not None:
            self._steer, self._steer_id = _guarded(options.guard, self.model)
        self._name = name or f"hf:{source}" + (f"@{options.revision}" * bool(options.revision))
        self._renderer = Renderer(
            tokenizer=self.model.tokenizer, render=render, render_id=render_id
        )

    def steered(self, steer: Steer, steer_id: str) -> LocalTarget:
        """The same model, loaded once, answering under edits.

        Args:
            steer, steer_id: as of the class.
        """
        other = copy(self)
        other._steer, other._steer_id = steer, steer_id
        return other

    @property
    def name(self) -> str:
        return self._name

    @property
    def template(self) -> str:
        """How prompts are rendered, for which weights, and how they are steered: other weights at
        the same place, and replies under other edits, never mix with these in one run."""
        template = f"{self._renderer.template} weights:{self.model.weights}"
        return template if self._steer_id is None else f"{template} steer:{self._steer_id}"

    def model_card(self) -> dict[str, Any]:
        """What a run stores about its model; see `LocalModel.describe`, and ``template_kind``."""
        return {**self.model.describe(), "template_kind": self._renderer.kind}

    def complete(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        skip: AbstractSet[RequestKey] = frozenset(),
    ) -> Iterator[Response]:
        """Yield a response for every request not in ``skip``; see `isogloss.targets.base.Target`.

        A batch runs as it was planned where any of its rows is still to be had. A prompt that
        leaves no room in the model's context is an error, never cut; a reply that reaches the end
        of the context is ``truncated``. An edit that does not fit the model is found before
        anything is generated.
        """
        # By key, so that neither the input's order nor what is skipped moves a batch's border.
        requests = sorted(requests, key=lambda request: request.key)
        with quiet_transformers():
            encoded = self._renderer.encode([r.prompt for r in requests], decoding.system_prompt)
        rows = []
        for index, (request, tokens) in enumerate(zip(requests, encoded, strict=True)):
            row = self._row(index, request, tokens, decoding)
            if isinstance(row, Row):
                rows.append(row)
            elif request.key not in skip:
                yield row
        check_edits(self.model.network, (row.edit for row in rows))
        batches = [
            batch
            for batch in plan_batches(rows, batch_tokens=self._batch_tokens)
            if any(requests[row.index].key not in skip for row in batch)
        ]
        work = _CompleteBatch(self.model, self._worker_options, decoding.temperature)
        for completions in map_unordered(work, batches, workers=self.options.workers):
            for completion in completions:
                request = requests[completion.index]
                if request.key not in skip:
                    yield self._response(request, len(encoded[completion.index]), completion)

    @cached_property
    def _batch_tokens(self) -> int:
        return self.options.batch_tokens or default_batch_tokens(
            self.model.n_parameters, self.model.device.type
        )

    @property
    def _worker_options(self) -> LocalOptions:
        threads = self.options.threads or default_threads(self.model.n_parameters)
        return replace(self.options, threads=1 if self.options.workers > 1 else threads)

    def _row(
        self, index: int, request: Request, tokens: list[int], decoding: Decoding
    ) -> Row | Response:
        room = decoding.max_new_tokens
        if self.model.context_length is not None:
            room = min(room, self.model.context_length - len(tokens))
        if not tokens:
            reason = "the prompt is empty: it has no tokens"
        elif room < 1:
            reason = (
                f"the prompt's {len(tokens)} tokens leave no room for a reply in the model's "
                f"context of {self.model.context_length}"
            )
        elif max(tokens) >= self.model.vocabulary_size:
            reason = (
                f"the tokenizer gave token {max(tokens)}, but the model's vocabulary ends at "
                f"{self.model.vocabulary_size - 1}"
            )
        else:
            seed = derive_seed(decoding.seed, *request.key)
            edit = self._steer(request.prompt) if self._steer else None
            return Row(index=index, tokens=tuple(tokens), limit=room, seed=seed, edit=edit)
        return Response(
            request=request, status="error", text="", reason=reason, n_prompt_tokens=len(tokens)
        )

    def _response(self, request: Request, n_prompt_tokens: int, completion: Completion) -> Response:
        if completion.error is not None:
            return Response(
                request=request,
                status="error",
                text="",
                reason=completion.error,
                n_prompt_tokens=n_prompt_tokens,
            )
        return Response(
            request=request,
            status="ok",
            text=self.model.tokenizer.decode(completion.tokens, skip_special_tokens=True),
            truncated=completion.truncated,
            n_prompt_tokens=n_prompt_tokens,
            n_tokens=len(completion.tokens),
        )


def _guarded(path: Path, model: LocalModel) -> tuple[Steer, str]:
    """Steering by a guard file, and what names it."""
    guard = load_guard(path)
    guard.check(model)
    return lambda prompt: guard.edits.get(prompt.language), f"guard:{guard.fingerprint}"


class _CompleteBatch:
    """The work on one batch; sent to another process, it loads the model anew over there."""

    def __init__(self, model: LocalModel, options: LocalOptions, temperature: float) -> None:
        self._model: LocalModel | None = model
        self._source = model.source
        self._options = options
        self._temperature = temperature

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None}

    def __call__(self, batch: tuple[Row, ...]) -> list[Completion]:
        if self._model is None:
            self._model = LocalModel(self._source, self._options)
        with torch_threads(self._options.threads or 1):
            return complete_rows(self._model, batch, self._temperature)
