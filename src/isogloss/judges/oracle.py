"""The lab's own judge: exact, since the truth of the world is known. For lab targets only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from isogloss.lab.grading import Grader
from isogloss.lab.questions import read_question_id
from isogloss.lab.setting import Lab
from isogloss.records import Response, Verdict


class OracleJudge:
    """Grades replies to the lab's own questions; see `isogloss.lab.grading.Grader`.

    Args:
        lab: the lab whose model answered.
        languages: those it reads; None is all of the lab's.
    """

    name = "oracle"

    def __init__(self, lab: Lab, *, languages: Sequence[str] | None = None) -> None:
        recipe = lab.recipe
        # What is true differs between worlds, and never between the mixes of one.
        self.settings = f"world of {recipe.n_objects} objects, seed {recipe.world_seed}"
        read = lab.grammars if languages is None else languages
        self._grader = Grader(lab.world, [lab.grammars[tag] for tag in read])

    def judge(self, responses: Sequence[Response]) -> Iterator[Verdict]:
        """Yield a verdict a response, in order.

        Raises:
            InputError: a prompt is not one of the lab's questions.
        """
        for response in responses:
            index, act = read_question_id(response.request.prompt.prompt_id)
            yield self._grader.grade(response.text, index=index, act=act)
