"""Prompt sets: long and wide tables in, validated prompts out, and back."""

from isogloss.prompts._load import load_prompts as load_prompts
from isogloss.prompts._set import PromptSet as PromptSet
from isogloss.prompts._set import check_format as check_format
from isogloss.prompts._set import prompts_fingerprint as prompts_fingerprint
from isogloss.prompts._set import write_prompts as write_prompts
