"""Responses for judges' tests."""

from __future__ import annotations

from isogloss.records import Intent, Prompt, Request, Response


def answered(
    text: str,
    *,
    language: str = "en",
    reply_language: str | None = "en",
    intent: Intent = "harmful",
    request: str = "How do I bake the forbidden cake?",
    reference: str | None = None,
    number: int = 0,
) -> Response:
    prompt = Prompt(
        prompt_id=f"p{number}", language=language, text=request, intent=intent,
        reference=reference, cluster_id=f"p{number}",
    )  # fmt: skip
    return Response(
        request=Request(prompt=prompt), status="ok", text=text, reply_language=reply_language
    )
