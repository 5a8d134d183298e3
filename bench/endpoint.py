"""Stored responses a second through ``openai:``, beside a bare loop of the same SDK.

    python bench/endpoint.py [--n 20000] [--connections 64] [--latency 0.02]

A local server in a process of its own answers after 20 ms. A bare loop of the official SDK asks it
and keeps nothing; then an audit asks it as often: the language of each reply identified, each
stored as it comes. Each in a fresh process, in turns, three rounds of a fifth of ``n``; the ratio
is that of neighbours in time, and the middle one counts. Then one audit of all ``n`` for its
memory. The audit should store at least half as many a second as the loop gets, under 400 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RATIO, MEGABYTES = 0.5, 400
SENTENCES = {
    "en": "Please explain to me in a few words how one bakes bread at home without a machine.",
    "fr": "Expliquez-moi en quelques mots comment faire du pain à la maison sans machine.",
    "es": "Explíqueme en pocas palabras cómo se hace pan en casa sin ninguna máquina.",
    "de": "Erklären Sie mir bitte kurz, wie man zu Hause ohne Maschine ein Brot backt.",
    "pt": "Explique-me em poucas palavras como se faz pão em casa sem uma máquina.",
    "it": "Mi spieghi in poche parole come si fa il pane in casa senza una macchina.",
    "sw": "Tafadhali nieleze kwa maneno machache jinsi ya kuoka mkate nyumbani bila mashine.",
    "id": "Tolong jelaskan dengan singkat bagaimana cara membuat roti di rumah tanpa mesin.",
    "vi": "Hãy giải thích ngắn gọn cho tôi cách làm bánh mì tại nhà mà không cần máy.",
    "ru": "Объясните мне, пожалуйста, в двух словах, как испечь хлеб дома без машины.",
}


def ask_bare(base_url: str, n: int, connections: int) -> dict[str, float]:
    """The loop anyone would write with the SDK."""
    from openai import AsyncOpenAI, DefaultAioHttpClient

    texts = list(SENTENCES.values())

    async def loop() -> None:
        numbers = iter(range(n))
        http_client = DefaultAioHttpClient()
        async with AsyncOpenAI(
            api_key="none", base_url=base_url, http_client=http_client
        ) as client:

            async def worker() -> None:
                for number in numbers:
                    reply = await client.chat.completions.create(
                        model="test-model",
                        messages=[{"role": "user", "content": texts[number % len(texts)]}],
                        max_tokens=64,
                        temperature=0,
                    )
                    assert reply.choices[0].message.content

            await asyncio.gather(*(worker() for _ in range(connections)))

    start = time.perf_counter()
    asyncio.run(loop())
    return _figures(start, n)


def ask_audit(base_url: str, n: int, connections: int) -> dict[str, float]:
    """An audit of ``n`` prompts; the seconds are those of asking and storing."""
    from isogloss.audit.run import AuditConfig, run_audit
    from isogloss.endpoint import EndpointOptions
    from isogloss.prompts import PromptSet, prompts_fingerprint
    from isogloss.records import Prompt
    from isogloss.store import RunStore

    languages = list(SENTENCES)
    prompts = tuple(
        Prompt(
            prompt_id=f"p{i // len(languages)}",
            language=languages[i % len(languages)],
            text=SENTENCES[languages[i % len(languages)]],
            intent="harmful",
            cluster_id=f"p{i // len(languages)}",
        )
        for i in range(n)
    )
    prompt_set = PromptSet(
        prompts=prompts,
        fingerprint=prompts_fingerprint(prompts),
        licence="Apache-2.0",
        source="bench",
        notes=(),
    )
    times: list[float] = []

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "asking" and done in (0, total):
            times.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        config = AuditConfig(
            target="openai:test-model",
            out=Path(folder) / "run",
            endpoint=EndpointOptions(base_url=base_url, connections=connections),
        )
        result = run_audit(config, prompts=prompt_set, progress=progress)
        with RunStore(result.folder) as store:
            assert store.results(None)["n"].sum() == n
            assert "error" not in store.results(None)["result"].to_list()
    return _figures(times[0], n, times[-1])


def _figures(start: float, n: int, end: float | None = None) -> dict[str, float]:
    seconds = (end or time.perf_counter()) - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"a_second": round(n / seconds, 1), "megabytes": round(peak)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.02)
    parser.add_argument("--only", choices=("bare", "audit"), help=argparse.SUPPRESS)
    parser.add_argument("--base-url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        ask = ask_bare if options.only == "bare" else ask_audit
        sys.stdout.write(json.dumps(ask(options.base_url, options.n, options.connections)))
        return 0
    server_file = Path(__file__).parents[1] / "tests" / "openai_server.py"
    server = subprocess.Popen(
        [sys.executable, str(server_file), "--latency", str(options.latency)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    base_url = server.stdout.readline().strip()
    try:
        ratios: list[float] = []
        for _ in range(3):
            bare, audit = (
                run(name, base_url, options.n // 5, options.connections)["a_second"]
                for name in ("bare", "audit")
            )
            ratios.append(audit / bare)
        megabytes = run("audit", base_url, options.n, options.connections)["megabytes"]
    finally:
        server.terminate()
        server.wait()
    ratio = sorted(ratios)[1]
    print(f"stored / bare: {ratio:.2f} (at least {RATIO}); peak {megabytes} MB (under {MEGABYTES})")
    return int(ratio < RATIO or megabytes >= MEGABYTES)


def run(name: str, base_url: str, n: int, connections: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--only", name, "--base-url", base_url]
    command += ["--n", str(n), "--connections", str(connections)]
    out = subprocess.run(command, check=True, capture_output=True)
    figures = json.loads(out.stdout)
    print(f"{name:5} {n:6} {figures['a_second']:8.1f} a second, {figures['megabytes']} MB")
    return figures


if __name__ == "__main__":
    raise SystemExit(main())
