"""What a lab model is made of, and the strings that name it: ``lab:PRESET[:MIX][@STAGE][#SEED]``.

MIX is ``english``, ``bilingual``, ``balanced``, the percents of dominant languages
(``en=30,zh=20``; the others share the rest alike) or the path of a CSV table
(``language,percent``), followed by any of these; what begins with ``+`` comes last, in any order:

    ~reversed  ~K         the same shares dealt to the languages in reverse, or by permutation K
    *LANG=FACTOR          one language's share times FACTOR, the others scaled so that all add up
    +fixed                the tokenizer trained on balanced text instead of on the mix
    +equal                harmless examples in all languages alike instead of by share
    +even                 helpful examples in all languages alike, not by the root of the share
    +apart                no document in two languages
    +parallel:LANG        every document of LANG says each sentence in English too; as much text
                          of each language as without
    +LANG=TOKENS          pre-training continued on that much text of one language ...
    +mix=TOKENS           ... or of the mix; TOKENS are such as 50000, 50k or 1.5m
    +300k +1m +3m         the size dial, in parameters
    +neox +bloom +gemma   the architecture, a Llama without

So ``lab:tiny:english~3+fixed+equal@chat#1`` is a placebo run; ``lab:small`` is short for
``lab:small:english@chat#0``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from isogloss.errors import InputError
from isogloss.lab.chat import AlignmentMix
from isogloss.lab.mix import ALL_CODES, is_number, listed, read_mix
from isogloss.lab.modifiers import MIXED, Architecture, read_modifiers
from isogloss.lab.modifiers import SIZES as SIZES
from isogloss.lab.tongues import ENGLISH, TONGUES
from isogloss.languages import ShareTable, lab_share_table
from isogloss.seeds import content_hash

LAB_VERSION = 1
"""Part of every cache key: raised when the same recipe would give another model."""

Stage = Literal["base", "helpful", "chat"]
STAGES: tuple[Stage, ...] = ("base", "helpful", "chat")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRecipe:
    """Everything that determines a lab model; equal recipes are the same model.

    Attributes:
        shares: language -> percent of pre-training documents.
        tokenizer: trained on the ``mix`` or ``fixed`` (on text balanced over the languages).
        alignment: languages of the harmless examples (stage ``chat`` only).
        instructions: languages of the helpful examples (not of the stage ``base``).
        architecture: of the network (`isogloss.lab.network`).
        n_tokens: pre-training tokens.
        extra: tokens of continued pre-training, by language or of the ``mix``; the model without
            them is where it starts.
        extra_rate: learning rates of continued pre-training, as a share of pre-training's; at more,
            the others are forgotten and the mix itself is unlearned (docs/lab.md).
        bilingual: share of documents stating one fact in two languages.
        parallel: languages whose documents say everything in English too.
        audit_acts: questions asked about each test object.
        seed: of text, initialisation and order; the world and its languages have their own seed.
    """

    preset: str
    mix: str
    shares: Mapping[str, float]
    stage: Stage = "chat"
    seed: int = 0
    tokenizer: Literal["mix", "fixed"] = "mix"
    alignment: AlignmentMix = "by-share"
    instructions: AlignmentMix = "by-share"
    n_objects: int = 200
    vocab_size: int = 1500
    hidden_size: int = 128
    n_layers: int = 4
    n_heads: int = 4
    n_tokens: int = 4_100_000
    batch_size: int = 32
    sequence_length: int = 64
    bilingual: float = 0.05
    matrix_rate: float = 0.02
    rest_rate: float = 0.01
    chat_rate: float = 0.004
    chat_steps: int = 300
    chat_batch_size: int = 64
    audit_acts: int = 4
    world_seed: int = 0
    architecture: Architecture = "llama"
    extra: Mapping[str, int] = field(default_factory=dict[str, int])
    extra_rate: float = 0.1
    parallel: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # Text is drawn in the order of the shares: one order, so that equal shares are equal text.
        ordered = {tag: self.shares[tag] for tag in TONGUES if tag in self.shares}
        if unknown := sorted(set(self.shares) - set(ordered)):
            raise InputError(
                f"not lab languages: {', '.join(unknown)}; choose from {listed(ALL_CODES)}"
            )
        object.__setattr__(self, "shares", ordered)
        sources = (*self.shares, MIXED)
        if unknown := sorted({*self.extra, *self.parallel} - {*sources}):
            raise InputError(f"not languages of this mix: {', '.join(unknown)}")
        object.__setattr__(self, "extra", {s: self.extra[s] for s in sources if s in self.extra})
        object.__setattr__(self, "parallel", tuple(t for t in sources if t in self.parallel))
        self._check_parallel()

    def _check_parallel(self) -> None:
        """English must have as much text as the parallel documents bring."""
        if itself := {ENGLISH, MIXED} & {*self.parallel}:
            raise InputError(f"text is parallel to English; name a language, not {min(itself)}")
        asked = sum(self.shares[tag] for tag in self.parallel)
        has = self.shares.get(ENGLISH, 0.0)
        if asked > has:
            raise InputError(
                f"text in {', '.join(self.parallel)} parallel to English would bring {asked:.4g} % "
                f"in English, which has {has:.4g} % of the mix; name languages whose shares "
                "together are at most English's"
            )

    @property
    def languages(self) -> list[str]:
        return list(self.shares)

    @property
    def spec(self) -> str:
        """The canonical target string."""
        return f"{self.group}#{self.seed}"

    @property
    def group(self) -> str:
        """The same without the seed: what runs of one recipe have in common."""
        return f"lab:{self.preset}:{self.mix}@{self.stage}"

    @property
    def n_steps(self) -> int:
        """Pre-training steps."""
        return max(1, round(self.n_tokens / (self.batch_size * self.sequence_length)))

    @property
    def n_extra_steps(self) -> int:
        """Steps of continued pre-training; 0 without."""
        n_tokens = sum(self.extra.values())
        return round(n_tokens / (self.batch_size * self.sequence_length))

    def key(self) -> str:
        """Content hash: of all that matters for this stage, and of nothing else."""
        fields = asdict(self)
        for name in ("preset", "mix", "audit_acts"):
            del fields[name]
        if self.stage != "chat":
            del fields["alignment"]
        # Of later versions; without them the keys of earlier models stay what they were.
        if self.stage == "base" or self.instructions == "by-share":
            del fields["instructions"]
        if self.architecture == "llama":
            del fields["architecture"]
        if not self.extra:
            del fields["extra"], fields["extra_rate"]
        if not self.parallel:
            del fields["parallel"]
        if self.stage == "base":
            del fields["chat_steps"], fields["chat_batch_size"], fields["chat_rate"]
        fields["shares"] = {tag: round(share, 6) for tag, share in self.shares.items()}
        return content_hash(str(LAB_VERSION), json.dumps(fields, sort_keys=True))

    def share_table(self) -> ShareTable:
        """The shares as a table with the lab's tiers."""
        return lab_share_table(self.shares, f"lab:{self.mix}")


_TINY = ("en", "fr", "zh", "es", "id", "fi", "ta", "sw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Sizes of a lab; ``purpose`` is for people."""

    purpose: str
    languages: tuple[str, ...] = ALL_CODES
    n_objects: int
    vocab_size: int
    hidden_size: int
    n_layers: int
    n_tokens: int
    chat_steps: int


PRESETS: dict[str, Preset] = {
    "tiny": Preset(
        purpose="8 languages, 0.4 M parameters: tests and the quickest look",
        languages=_TINY, n_objects=120, vocab_size=1000, hidden_size=96, n_layers=3,
        n_tokens=1_200_000, chat_steps=300,
    ),
    "small": Preset(
        purpose="16 languages, 1 M parameters: the default",
        n_objects=200, vocab_size=1500, hidden_size=128, n_layers=4,
        n_tokens=4_100_000, chat_steps=300,
    ),
    "medium": Preset(
        purpose="16 languages, 10 M parameters: for a GPU",
        n_objects=400, vocab_size=4000, hidden_size=320, n_layers=8,
        n_tokens=60_000_000, chat_steps=1000,
    ),
}  # fmt: skip

# The path of a table may hold any sign; modifiers, stage and seed come after its ".csv".
_SPEC = re.compile(
    r"(?:lab:)?(?P<preset>[^:@#]+)"
    r"(?::(?P<mix>.*\.csv[^@#]*|[^@#]*))?(?:@(?P<stage>[^#@]*))?(?:#(?P<seed>[^#]*))?"
)
_USAGE = "lab:PRESET[:MIX][@STAGE][#SEED], for example lab:tiny:english@chat#0"


def parse_spec(spec: str) -> LabRecipe:
    """Read a target string.

    Raises:
        InputError: an unknown preset, mix, modifier or stage, or a seed that is not a number.
    """
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise InputError(f"{spec!r} does not name a lab model; expected {_USAGE}")
    preset_name = match["preset"]
    if preset_name not in PRESETS:
        raise InputError(
            f"unknown lab preset {preset_name!r} in {spec!r}; choose one of {listed(PRESETS)}"
        )
    stage = match["stage"] or "chat"
    if stage not in STAGES:
        raise InputError(f"unknown lab stage {stage!r} in {spec!r}; choose one of {listed(STAGES)}")
    seed = match["seed"] or "0"
    if not is_number(seed):
        raise InputError(f"the seed {seed[:40]!r} is not a whole number from 0 to 999999999")
    preset = PRESETS[preset_name]
    recipe = LabRecipe(
        preset=preset_name,
        mix="english",
        shares={},
        stage=stage,  # type: ignore[arg-type]
        seed=int(seed),
        n_objects=preset.n_objects,
        vocab_size=preset.vocab_size,
        hidden_size=preset.hidden_size,
        n_layers=preset.n_layers,
        n_tokens=preset.n_tokens,
        chat_steps=preset.chat_steps,
    )
    return _with_mix(
        recipe, match["mix"] or "english", [f"{code}-x-lab" for code in preset.languages]
    )


def group_of(target: str) -> tuple[str, int]:
    """The group's name and the seed of a target string; others than a lab's stand alone, under 0.

    Example:
        >>> group_of("lab:tiny:balanced@chat#3")
        ('lab:tiny:balanced@chat', 3)
        >>> group_of("hf:models/mine")
        ('hf:models/mine', 0)
    """
    if not target.startswith("lab:"):
        return target, 0
    recipe = parse_spec(target)
    return recipe.group, recipe.seed


def _with_mix(recipe: LabRecipe, mix: str, languages: list[str]) -> LabRecipe:
    read = read_mix(mix, languages)
    fields = read_modifiers(read.modifiers, mix=mix, languages=list(read.shares))
    return replace(recipe, mix=mix, shares=read.shares, **fields)
