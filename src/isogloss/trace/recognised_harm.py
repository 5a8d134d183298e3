"""How well a model tells harmful from harmless instructions: AUROC of harmfulness, by language.

As `isogloss concepts` measures it (its modules do the work), for this one concept and without the
baselines: each language's own vector from train objects, the layer chosen on validation objects,
the area under the ROC curve on test objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from isogloss.concepts.layer_choice import choose_layer
from isogloss.concepts.pairs import lab_pair_set
from isogloss.concepts.parallel import parallel_pairs
from isogloss.concepts.recognition import recognise
from isogloss.concepts.record import PairRecorder, RecordOptions, record_pair_set
from isogloss.concepts.templates import PromptTemplate
from isogloss.concepts.vectors import learn_vectors
from isogloss.lab.setting import Lab
from isogloss.progress import Progress
from isogloss.records import Measurement
from isogloss.stats.auroc import auroc_bounds
from isogloss.targets.model import LocalModel

METRIC = "recognition_auroc"
CONCEPT = "harmfulness"
UNIT = "area under the ROC curve"


def recognition_rows(
    model: LocalModel, lab: Lab, common: Mapping[str, Any], progress: Progress
) -> list[Measurement]:
    """A row a language: metric ``recognition_auroc``, in [0, 1], 0.5 by chance.

    Args:
        model: of the chat stage.
        lab: whose pairs.
        common: fields of every row.
    """
    pairs = lab_pair_set(lab).select(concepts=[CONCEPT])
    recorder = PairRecorder(model, RecordOptions(template=PromptTemplate(kind="chat", labels={})))
    recorded = list(record_pair_set(recorder, pairs, progress=progress))
    vectors = learn_vectors(parallel_pairs(recorded, "train"))
    choice = choose_layer(recognise(vectors, parallel_pairs(recorded, "validation"), auroc=False))
    test = recognise(vectors, parallel_pairs(recorded, "test"))
    found = [
        Measurement(
            **common, metric=METRIC, concept=CONCEPT, language=language, source_language=language,
            n=int(trials.sum()), n_clusters=int((trials > 0).sum()), unit=UNIT,
        )
        for language, trials in zip(test.targets, test.trials, strict=True)
    ]  # fmt: skip
    if isinstance(choice, str):
        return [replace(row, verdict="not measured", reason=choice) for row in found]
    own, targets = test.own, np.arange(len(test.targets))
    area = choice.at_own(test.auroc[own, targets], own)
    influence = choice.at_own(test.auroc_influence[own, targets], own)
    low, high = auroc_bounds(area, influence, (test.trials > 0).sum(axis=1).astype(np.float64))
    for t, row in enumerate(found):
        reason = test.reason(int(own[t]), t)
        if reason is not None:
            found[t] = replace(row, verdict="not measured", reason=reason)
            continue
        found[t] = replace(
            row, layer=choice.layer, estimate=float(area[t]), low=float(low[t]),
            high=float(high[t]), method=choice.description,
        )  # fmt: skip
    return found
