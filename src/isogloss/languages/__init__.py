"""Languages: canonical tags, facts, and shares of training data with the tiers they make."""

from isogloss.languages._shares import DEFAULT_SHARE_TABLE as DEFAULT_SHARE_TABLE
from isogloss.languages._shares import SHARE_TABLES as SHARE_TABLES
from isogloss.languages._shares import TIERS as TIERS
from isogloss.languages._shares import Share as Share
from isogloss.languages._shares import ShareTable as ShareTable
from isogloss.languages._shares import Tier as Tier
from isogloss.languages._shares import lab_share_table as lab_share_table
from isogloss.languages._shares import load_share_table as load_share_table
from isogloss.languages._tags import LAB_LANGUAGES as LAB_LANGUAGES
from isogloss.languages._tags import Language as Language
from isogloss.languages._tags import describe_language as describe_language
from isogloss.languages._tags import is_lab as is_lab
from isogloss.languages._tags import known_languages as known_languages
from isogloss.languages._tags import resolve_among as resolve_among
from isogloss.languages._tags import resolve_language as resolve_language
