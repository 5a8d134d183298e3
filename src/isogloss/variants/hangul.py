"""A Korean syllable is typed as two or three letters (2-set keyboard); a slip changes one."""

from __future__ import annotations

from isogloss.variants.layouts import neighbours

_FIRST, _LAST = 0xAC00, 0xD7A3
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
# A syllable without a final consonant comes first.
_FINALS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"


def jamo_neighbours(syllable: str) -> list[str]:
    """The syllables that differ in one letter, on a neighbouring key; empty for other characters.

    A syllable is 588 x initial + 28 x vowel + final from U+AC00 (Unicode 3.12). Letters typed with
    two keys (ㅘ, ㄳ) stay as they are.

    Example:
        >>> jamo_neighbours("가")[:4]
        ['다', '사', '아', '라']
    """
    if len(syllable) != 1 or not _FIRST <= ord(syllable) <= _LAST:
        return []
    beside = neighbours("ko")
    index = ord(syllable) - _FIRST
    initial, vowel, final = index // 588, index % 588 // 28, index % 28
    found = [
        (_INITIALS.index(other), vowel, final)
        for other in beside.get(_INITIALS[initial], "")
        if other in _INITIALS
    ]
    found += [
        (initial, _VOWELS.index(other), final)
        for other in beside.get(_VOWELS[vowel], "")
        if other in _VOWELS
    ]
    found += [
        (initial, vowel, _FINALS.index(other))
        for other in beside.get(_FINALS[final], "")
        if other in _FINALS
    ]
    return [chr(_FIRST + 588 * i + 28 * v + f) for i, v, f in found]
