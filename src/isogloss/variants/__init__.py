"""Variants of a prompt set: the same requests romanised, code-switched, noisy, answered elsewhere.

Simulated from text. Real audio and real typing are out of scope.
"""

from isogloss.variants.kinds import KINDS as KINDS
from isogloss.variants.kinds import Kind as Kind
from isogloss.variants.kinds import parse_kinds as parse_kinds
from isogloss.variants.made import Made as Made
from isogloss.variants.made import NotMade as NotMade
from isogloss.variants.make import VariantSet as VariantSet
from isogloss.variants.make import VariantTally as VariantTally
from isogloss.variants.make import make_variants as make_variants
from isogloss.variants.words import WordList as WordList
