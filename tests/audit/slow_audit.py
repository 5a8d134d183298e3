"""An audit that takes its time, for a test to kill: ``python slow_audit.py FOLDER``."""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from audit.planted import (
    IRRELEVANT,
    REFUSED,
    RIGHT,
    PlantedTarget,
    WordJudge,
    config,
    make_prompts,
    prompt_set,
)
from isogloss.audit.run import AuditResult, run_audit
from isogloss.records import Decoding, Request, RequestKey, Response, Verdict

PROMPTS = prompt_set(make_prompts(["en", "sw", "zh"], 20, 2))


def plan(request: Request) -> str:
    return (RIGHT, REFUSED, IRRELEVANT)[zlib.crc32(repr(request.key).encode()) % 3]


class LoggingTarget(PlantedTarget):
    """Writes down what it answered, and takes a moment for it."""

    def __init__(self, log: Path, pause: float) -> None:
        super().__init__(plan)
        self.log, self.pause = log, pause

    def complete(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        skip: AbstractSet[RequestKey] = frozenset(),
    ) -> Iterator[Response]:
        for response in super().complete(requests, decoding, skip):
            time.sleep(self.pause)
            with self.log.open("a") as log:
                log.write(f"{response.request.key}\n")
            yield response


class SlowJudge(WordJudge):
    """Takes a moment too."""

    def __init__(self, pause: float) -> None:
        super().__init__()
        self.pause = pause

    def judge(self, responses: Sequence[Response]) -> Iterator[Verdict]:
        for verdict in super().judge(responses):
            time.sleep(self.pause)
            yield verdict


def audit(folder: Path, pause: float) -> AuditResult:
    return run_audit(
        config(folder / "run"),
        target=LoggingTarget(folder / "asked.log", pause),
        judges=[SlowJudge(pause)],
        prompts=PROMPTS,
    )


if __name__ == "__main__":
    audit(Path(sys.argv[1]), pause=0.004)
