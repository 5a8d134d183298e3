"""Seven values in many languages, one model: record, extract, measure; or finish what was begun.

The folder holds the activations (``activations/``), the vectors (``vectors/``) and the rows of area
``concepts`` in ``run.db``. Running the same command again reads what is recorded instead of
recording it again; with other pairs, another template or another model the activations are made
anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from isogloss.concepts.activation_store import ActivationStore, StoredDtype
from isogloss.concepts.activations import Activations, Position
from isogloss.concepts.competence import competence_rows, measure_competence
from isogloss.concepts.held_out import lab_texts, load_texts
from isogloss.concepts.layer_choice import LayerRule
from isogloss.concepts.linguistic_rows import similarity_rows
from isogloss.concepts.load import load_pairs
from isogloss.concepts.measure import (
    MeasuredConcept,
    MeasureOptions,
    measure_concept,
    relate_to_languages,
)
from isogloss.concepts.pairs import PairSet, lab_pair_set
from isogloss.concepts.record import PairRecorder, RecordOptions, record_pair_set
from isogloss.concepts.similarity import Similarities, lab_similarities, shipped_similarities
from isogloss.concepts.similarity_file import load_similarities
from isogloss.concepts.templates import LOCAL_LABELS, PromptTemplate, TemplateKind
from isogloss.concepts.vector_file import VectorOrigin, concept_vectors, save_vectors
from isogloss.concepts.vectors import Method
from isogloss.errors import InputError, ModelError
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.languages import DEFAULT_SHARE_TABLE, ShareTable, load_share_table
from isogloss.progress import Progress, silent
from isogloss.records import Measurement, RunResult
from isogloss.store import RunStore
from isogloss.targets.model import LocalModel
from isogloss.targets.options import LocalOptions

AREA = "concepts"
LAB, HF = "lab:", "hf:"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptsConfig:
    """One study of concepts; the flags of ``isogloss concepts`` are these fields.

    Attributes:
        target: ``lab:…`` or ``hf:…``; a model whose hidden states can be read.
        pairs: value pairs; None is the lab's own.
        flip: concepts whose poles stand the other way round in the file.
        out: the run folder; None derives one under ``runs/`` from the target and the pairs.
        concepts, languages: only these; None is all.
        per_object: of the lab's pairs, how many an object and value.
        template: how a pole is put to the model; None is the chat template where there is one.
        local_labels: question and answer labels in the language of the pair, instead of English.
        position: which token is read.
        method: of the vectors.
        layer: a number fixes it, ``"validation"`` chooses, ``"paper"`` takes the test maximum.
        shares: share table; names the high-resource languages.
        similarities: a table of distances between languages; None is the lab's truth, else the
            shipped facts.
        texts: held-out text (columns language, text) for competence; the lab writes its own.
        stored: dtype of stored activations.
        seed: of everything random.
        options: how the model is run.
    """

    target: str
    pairs: Path | None = None
    flip: tuple[str, ...] = ()
    out: Path | None = None
    concepts: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    per_object: int = 1
    template: TemplateKind | None = None
    local_labels: bool = False
    position: Position = "last_content"
    method: Method = "mean_difference"
    layer: int | str = "validation"
    shares: str | None = None
    similarities: Path | None = None
    texts: Path | None = None
    stored: StoredDtype = "float32"
    seed: int = 0
    options: LocalOptions = field(default_factory=LocalOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptsResult(RunResult):
    """What a study wrote.

    Attributes:
        folder: the run folder.
        target: whose hidden states.
        measurements: the rows of area ``concepts``.
        vectors: the files of the vectors, by concept and language.
        notes: what loading did not take over as it was.
    """

    target: str
    vectors: Mapping[tuple[str, str], Path]
    notes: tuple[str, ...]


def run_concepts(config: ConceptsConfig, *, progress: Progress | None = None) -> ConceptsResult:
    """Record, extract and measure; the same configuration again resumes.

    Raises:
        UserError: something in the configuration, the files or the machine must change.

    Example:
        >>> result = run_concepts(ConceptsConfig(target="lab:tiny"))  # doctest: +SKIP
    """
    report = progress or silent
    options = _measure_options(config)
    pair_set = _pair_set(config)
    similarities = _similarities(config, pair_set.languages)
    texts = _texts(config)
    shares = _shares(config)
    folder = config.out or _default_folder(config)
    name, source = locate_model(config.target, report)
    with RunStore(folder, create=True) as store:
        recorder = PairRecorder(LocalModel(source, config.options), _record_options(config, source))
        kept = ActivationStore(folder=folder / "activations")
        recorded: dict[str, list[Activations]] = {}
        for found in record_pair_set(recorder, pair_set, store=kept, progress=report):
            recorded.setdefault(found.concept, []).append(found)
        spoken = measure_competence(recorder.model, texts, progress=report)
        common = {"target": name, "seed": config.seed}
        measured = _measure(recorded, options, common, report)
        origin = _origin(name, recorder)
        files = _save(measured, origin, folder / "vectors")
        rows = [row for concept in measured for row in concept.rows]
        rows += competence_rows(spoken, target=name)
        rows += similarity_rows(similarities, target=name)
        bits = {
            one.language: one.bits_per_character
            for one in spoken
            if one.bits_per_character is not None
        }
        high = [tag for tag in pair_set.languages if shares.tier(tag) in ("english", "high")]
        rows += relate_to_languages(
            measured,
            similarities,
            target=name,
            high_resource=high,
            competence=bits,
            seed=config.seed,
        )
        rows = _with_tiers(rows, shares)
        _store(store, config, recorder, pair_set, shares, rows, name)
    return ConceptsResult(
        folder=folder,
        target=name,
        measurements=tuple(rows),
        vectors=files,
        notes=(*pair_set.notes, *similarities.notes),
    )


def _measure_options(config: ConceptsConfig) -> MeasureOptions:
    rule: LayerRule = "fixed"
    layer = None
    if config.layer in ("validation", "paper"):
        rule = "paper" if config.layer == "paper" else "validation"
    elif isinstance(config.layer, int):
        layer = config.layer
    else:
        raise InputError(
            f"{config.layer!r} is not a layer; write a number from 0, validation (the layer is "
            "chosen on validation pairs) or paper (the maximum on the test pairs)"
        )
    return MeasureOptions(method=config.method, rule=rule, layer=layer, seed=config.seed)


def _pair_set(config: ConceptsConfig) -> PairSet:
    if config.pairs is not None:
        return load_pairs(
            config.pairs,
            flip=config.flip,
            concepts=config.concepts,
            languages=config.languages,
            seed=config.seed,
        )
    if not config.target.startswith(LAB):
        raise InputError(
            f"{config.target} comes without value pairs: name them with --pairs FILE (a contrast "
            "table, or a folder in the layout of Xu et al.'s data; see docs/concepts.md)"
        )
    whole = lab_pair_set(_lab(config), n_per_object=config.per_object, seed=config.seed)
    return whole.select(concepts=config.concepts, languages=config.languages)


def _similarities(config: ConceptsConfig, languages: Sequence[str]) -> Similarities:
    if config.similarities is not None:
        return load_similarities(config.similarities, languages)
    if config.target.startswith(LAB) and config.pairs is None:
        return lab_similarities(_lab(config).lexicon, languages)
    return shipped_similarities(languages)


def _texts(config: ConceptsConfig) -> dict[str, list[str]]:
    if config.texts is not None:
        return load_texts(config.texts)
    if not config.target.startswith(LAB):
        return {}
    return lab_texts(_lab(config), seed=config.seed)


def _lab(config: ConceptsConfig) -> Lab:
    return Lab(parse_spec(config.target))


def _shares(config: ConceptsConfig) -> ShareTable:
    if config.shares is not None:
        return load_share_table(config.shares)
    if config.target.startswith(LAB):
        return _lab(config).recipe.share_table()
    return load_share_table(DEFAULT_SHARE_TABLE)


def check_target(target: str) -> None:
    """Refuse a target that can never have hidden states to read, before anything is built.

    Raises:
        ModelError: neither a lab model nor one of Hugging Face.
        InputError: not the name of a lab model.
    """
    if target.startswith(LAB):
        parse_spec(target)
    elif not target.startswith(HF) or target == HF:
        raise ModelError(
            f"{target!r} has no hidden states to read; use lab:PRESET or hf:PATH_OR_ID"
        )


def locate_model(target: str, progress: Progress) -> tuple[str, str]:
    """The target's canonical name, and the folder or hub id of its weights.

    A lab model that is not there is built.

    Raises:
        ModelError: a target without hidden states.
    """
    check_target(target)
    if target.startswith(HF):
        source = target.removeprefix(HF).rstrip("/")
        return f"{HF}{source}", source
    from isogloss.lab.build import build_lab

    recipe = parse_spec(target)
    return recipe.spec, str(build_lab(recipe, progress=progress))


def _record_options(config: ConceptsConfig, source: str) -> RecordOptions:
    kind = config.template
    if kind is None:
        kind = "plain" if config.target.startswith(LAB) and "@base" in config.target else "chat"
    return RecordOptions(
        template=PromptTemplate(kind=kind, labels=LOCAL_LABELS if config.local_labels else {}),
        position=config.position,
        dtype=config.stored,
        batch_tokens=config.options.batch_tokens,
        threads=config.options.threads,
    )


def _measure(
    recorded: Mapping[str, Sequence[Activations]],
    options: MeasureOptions,
    common: Mapping[str, Any],
    progress: Progress,
) -> list[MeasuredConcept]:
    measured: list[MeasuredConcept] = []
    for done, found in enumerate(recorded.values()):
        progress("measuring (concepts)", done, len(recorded))
        measured.append(measure_concept(found, options, common))
    progress("measuring (concepts)", len(recorded), len(recorded))
    return measured


def _origin(name: str, recorder: PairRecorder) -> VectorOrigin:
    meta = recorder.meta
    return VectorOrigin(
        model=name,
        revision=meta["commit"] or meta["weights"],
        model_type=recorder.model.network.config.model_type,
        template=meta["template"],
        position=meta["position"],
    )


def _save(
    measured: Sequence[MeasuredConcept], origin: VectorOrigin, folder: Path
) -> dict[tuple[str, str], Path]:
    files: dict[tuple[str, str], Path] = {}
    for concept in measured:
        for vectors in concept_vectors(concept.vectors, origin):
            path = folder / vectors.concept / f"{vectors.language}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            save_vectors(vectors, path)
            files[vectors.concept, vectors.language] = path
    return files


def _with_tiers(rows: Sequence[Measurement], shares: ShareTable) -> list[Measurement]:
    return [
        row if row.language is None else replace(row, tier=shares.tier(row.language))
        for row in rows
    ]


def _store(
    store: RunStore,
    config: ConceptsConfig,
    recorder: PairRecorder,
    pair_set: PairSet,
    shares: ShareTable,
    rows: Sequence[Measurement],
    name: str,
) -> None:
    store.set_meta(
        AREA,
        {
            "target": name,
            "pairs": str(config.pairs or "the lab's own"),
            "fingerprint": pair_set.fingerprint,
            "notes": list(pair_set.notes),
            "method": config.method,
            "layer": config.layer,
            "seed": config.seed,
            **recorder.meta,
        },
    )
    store.set_meta("share_table", shares.to_json())
    store.replace_measurements(AREA, rows, target=name)


def _default_folder(config: ConceptsConfig) -> Path:
    parts = [AREA, config.target] + ([config.pairs.stem] if config.pairs else [])
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(parts)).strip("-.")
    return Path("runs") / slug[-120:]
