"""The language a reply is in: exact for the lab's languages, a vote of detectors for real ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from isogloss.identify import identify_language
from isogloss.languages import is_lab
from isogloss.records import Response


def tag_replies(responses: Iterable[Response]) -> Iterator[Response]:
    """The same responses with ``reply_language`` filled in; None where nobody can tell.

    A language that the target recorded is kept. Blocked and failed requests have no reply.
    """
    for response in responses:
        if response.status == "ok" and response.reply_language is None and response.text:
            yield replace(response, reply_language=reply_language(response))
        else:
            yield response


def reply_language(response: Response) -> str | None:
    """Tag of the language of one reply, or None."""
    asked = response.request.prompt.language
    if is_lab(asked):
        from isogloss.lab.identify import identify_lab_language

        return identify_lab_language(response.text)
    return identify_language(response.text, prefer=asked)
