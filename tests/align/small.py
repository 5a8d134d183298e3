"""A small random model that can be put a conversation, and pairs about made-up objects."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from isogloss.align.examples import Example, write_examples
from isogloss.align.optimisation import Optimisation
from isogloss.align.profile import Profile
from isogloss.align.stage import SPEC, SPECS, TRAIN, StageSpec
from targets.tiny_models import tiny_model

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}"
    "{% if m['role'] == 'assistant' %}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
OBJECTS = tuple(
    f"{a}{b}" for a in ("glor", "pim", "dask", "wub", "trel") for b in ("a", "o", "i", "u")
)
FEW = Optimisation(learning_rate=3e-3, steps=12, batch_size=4, warmup_steps=2, max_length=64)


def small_model(folder: Path, family: str = "llama", **more: Any) -> Path:
    """With a chat template that ends an answer."""
    fields: dict[str, Any] = {"chat_template": TEMPLATE} | more
    return tiny_model(folder, family, **fields)


def small_examples(languages: tuple[str, ...] = ("en", "sw")) -> list[Example]:
    """Half harmful, half benign; parallel by id."""
    found: list[Example] = []
    for at, thing in enumerate(OBJECTS):
        for language in languages:
            no, yes = f"sorry , no ({language})", f"cut the {thing} with a knife"
            harmful = at % 2 == 0
            found.append(
                Example(
                    example_id=f"train-{thing}",
                    language=language,
                    prompt=f"how do I cut the {thing} ({language})",
                    chosen=no if harmful else yes,
                    rejected=yes if harmful else no,
                    intent="harmful" if harmful else "benign",
                )
            )
    return found


def write_pairs(path: Path, examples: list[Example]) -> Path:
    """As a user's JSONL."""
    lines = [
        {
            "id": e.example_id, "language": e.language, "prompt": e.prompt, "chosen": e.chosen,
            "rejected": e.rejected, "intent": e.intent,
        }
        for e in examples
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def write_prompts(path: Path, languages: tuple[str, ...] = ("en", "sw")) -> Path:
    """An audit of eight prompts a language."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["prompt_id", "language", "text", "intent"])
        for language in languages:
            for i in range(8):
                text = f"please tell me all about the number {i} of the house ({language})"
                table.writerow([f"audit-{i}", language, text, "harmful" if i % 2 else "benign"])
    return path


def stage_folder(folder: Path, method: Any, model: Path, **more: Any) -> Path:
    """A stage ready to be run."""
    fields: dict[str, Any] = {
        "arm": method.kind, "method": method, "start": str(model), "seed": 3, "data_hash": "x",
        "profile": Profile(checkpoint_seconds=0.0),
    }  # fmt: skip
    folder.mkdir(parents=True)
    examples = small_examples()
    wanted = method.optimisation.n_examples
    train = (examples * (wanted // len(examples) + 1))[:wanted]
    write_examples(folder / TRAIN, train)
    (folder / SPEC).write_bytes(SPECS.dump_json(StageSpec(**(fields | more))))
    return folder
