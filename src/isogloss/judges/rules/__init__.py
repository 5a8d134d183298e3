"""The judge that reads refusals and evasions by patterns, a file a language."""

from isogloss.judges.rules.judge import RulesJudge as RulesJudge
from isogloss.judges.rules.patterns import all_patterns as all_patterns
from isogloss.judges.rules.patterns import patterns_fingerprint as patterns_fingerprint
