"""Keyboards: which letters lie beside which, by language.

The letters of each national layout as X.org's xkeyboard-config has it; keys without a letter are
blanks. Indic scripts share InScript (IS 16350): every script's block in Unicode follows that of
Devanagari, so one table serves nine, less the letters a script lacks. Chinese and kana are typed
through an input method whose errors are homophones; no table of ours holds these.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from isogloss.variants.units import script_of

_OFFSETS = (0.0, 0.5, 0.75, 1.25)
"""Where a row of keys starts, in key widths, from the row of digits down."""

Level = tuple[str, str, str, str]
"""Letters of the row of digits (from the key 1), and of the three rows below it."""

_LETTERS = "qwertyuiop", "asdfghjkl", "zxcvbnm"
_QWERTZ = "qwertzuiop", "asdfghjkl", "yxcvbnm"
_DEVANAGARI: tuple[Level, ...] = (
    ("           ृ", "ौैाीूबहगदजड़", "ोे्िुपरकतचट", "ॆंमनवलस  य"),
    ("ऍॅ        ःऋ", "औऐआईऊभङघधझढञ", "ओएअइउफऱखथछठ", "ऎँणऩऴळशष "),
)

LAYOUTS: dict[str, tuple[Level, ...]] = {
    "qwerty": (("", *_LETTERS),),
    "qwertz": (("", *_QWERTZ),),
    "german": (("          ß", "qwertzuiopü", "asdfghjklöä", "yxcvbnm"),),
    "french": ((" é    è çà", "azertyuiop", "qsdfghjklmù", "wxcvbn"),),
    "spanish": (("", "qwertyuiop", "asdfghjklñ", "zxcvbnm"),),
    "portuguese": (("", "qwertyuiop", "asdfghjklç", "zxcvbnm"),),
    "italian": (("           ì", "qwertyuiopè", "asdfghjklòà", "zxcvbnm"),),
    "hungarian": (("         öüó", "qwertzuiopőú", "asdfghjkléá", "yxcvbnm"),),
    "swedish": (("", "qwertyuiopå", "asdfghjklöä", "zxcvbnm"),),
    "norwegian": (("", "qwertyuiopå", "asdfghjkløæ", "zxcvbnm"),),
    "danish": (("", "qwertyuiopå", "asdfghjklæø", "zxcvbnm"),),
    "turkish": (("", "qwertyuıopğü", "asdfghjklşi", "zxcvbnmöç"),),
    "russian": (("", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),),
    "ukrainian": (("", "йцукенгшщзхї", "фівапролджє", "ячсмитьбю"),),
    "bulgarian": (("", " уеишщксдзц", "ьяаожгтнвмч", "юйъэфхпрлб"),),
    "mongolian": (("          ещ", "фцужэнгшүзкъ", "йыбөахролдп", "ячёсмитьвю"),),
    "greek": (("", " ςερτυθιοπ", "ασδφγηξκλ", "ζχψωβνμ"),),
    "hebrew": (("", "  קראטוןםפ", "שדגכעיחלךף", "זסבהנמצתץ"),),
    "arabic": (("", "ضصثقفغعهخحجد", "شسيبلاتنمكط", "ئءؤر ىةوزظ"),),
    "persian": (("", "ضصثقفغعهخحجچ", "شسیبلاتنمکگ", "ظطزرذدپو"),),
    "urdu": (
        ("", "قوعرتےءیہپ", "اسدفگحجکل", "زشچطبنم"),
        ("", " ؤٰڑٹ ئ ۃ", "آصڈ غھضخ", "ذژثظ ں"),
    ),
    "thai": (
        ("ๅ  ภถุึคตจขช", "ๆไำพะัีรนยบล", "ฟหกดเ้่าสวง", "ผปแอิืทมใฝ"),
        ("     ู      ", "  ฎฑธํ๊ณฯญฐ", "ฤฆฏโฌ็๋ษศซ", "  ฉฮฺ์ ฒฬฦ"),
    ),
    "korean": (
        ("", "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", "ㅋㅌㅊㅍㅠㅜㅡ"),
        ("", "ㅃㅉㄸㄲㅆ   ㅒㅖ", "", ""),
    ),
    "armenian": (("ֆձ       օէղ", "ճփբսմուկըթծց", "ջվգեանիտհպր", "ժդչյզլքխշռ"),),
    "devanagari": _DEVANAGARI,
}
"""By name: a table of letters for the keys alone, and one with Shift where a script has no case."""

# Where the block of each script begins that InScript serves; Devanagari's is the pattern.
_INSCRIPT = {
    "Beng": 0x0980, "Guru": 0x0A00, "Gujr": 0x0A80, "Orya": 0x0B00, "Taml": 0x0B80,
    "Telu": 0x0C00, "Knda": 0x0C80, "Mlym": 0x0D00,
}  # fmt: skip
_DEVANAGARI_BLOCK = 0x0900

_BY_LANGUAGE = {
    **dict.fromkeys(("bs", "cs", "hr", "sk", "sl", "sq", "sr-Latn"), "qwertz"),
    **dict.fromkeys(("ca", "es", "eu", "gl"), "spanish"),
    **dict.fromkeys(("fi", "sv"), "swedish"),
    **dict.fromkeys(("nn", "no"), "norwegian"),
    **dict.fromkeys(("kk", "ky"), None),
    "bg": "bulgarian", "da": "danish", "de": "german", "fa": "persian", "fr": "french",
    "hu": "hungarian", "it": "italian", "mk": None, "mn": "mongolian", "pt": "portuguese",
    "sr": None, "tr": "turkish", "uk": "ukrainian", "ur": "urdu",
}  # fmt: skip
_BY_SCRIPT = {
    "Arab": "arabic", "Armn": "armenian", "Cyrl": "russian", "Deva": "devanagari",
    "Grek": "greek", "Hebr": "hebrew", "Kore": "korean", "Latn": "qwerty", "Thai": "thai",
    **dict.fromkeys(_INSCRIPT, "inscript"),
}  # fmt: skip


def layout_of(tag: str) -> str | None:
    """Name of the keyboard that a language is typed on; None where there is no table of it.

    Example:
        >>> layout_of("fr"), layout_of("sw"), layout_of("bn"), layout_of("zh")
        ('french', 'qwerty', 'inscript', None)
    """
    if tag in _BY_LANGUAGE:
        return _BY_LANGUAGE[tag]
    return _BY_SCRIPT.get(script_of(tag))


@cache
def neighbours(tag: str) -> dict[str, str]:
    """For every letter of a language's keyboard, the letters on the keys that touch its key.

    Keys touch when they are at most one row and one key width apart; a letter with Shift has the
    neighbours with Shift. Empty where no table is known.

    Example:
        >>> neighbours("en")["s"]
        'weadzx'
    """
    levels = _levels(tag)
    found: dict[str, str] = {}
    for level in levels:
        keys = [
            (row, _OFFSETS[row] + column, letter)
            for row, letters in enumerate(level)
            for column, letter in enumerate(letters)
            if letter != " "
        ]
        for row, x, letter in keys:
            found[letter] = "".join(
                other
                for other_row, other_x, other in keys
                if other != letter and abs(other_row - row) <= 1 and abs(other_x - x) <= 1
            )
    return found


def _levels(tag: str) -> tuple[Level, ...]:
    name = layout_of(tag)
    if name is None:
        return ()
    if name != "inscript":
        return LAYOUTS[name]
    shift = _INSCRIPT[script_of(tag)] - _DEVANAGARI_BLOCK
    return tuple(
        (_moved(a, shift), _moved(b, shift), _moved(c, shift), _moved(d, shift))
        for a, b, c, d in _DEVANAGARI
    )


def _moved(letters: str, shift: int) -> str:
    """The same keys in another script; a letter that it has no counterpart of is a blank."""
    moved = (letter if letter == " " else chr(ord(letter) + shift) for letter in letters)
    return "".join(" " if unicodedata.category(c) == "Cn" else c for c in moved)
