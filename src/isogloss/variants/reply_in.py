"""A sentence that asks for the answer in one language, in the row's own language or in English.

The sentences are ours and not checked by native speakers; each puts the language's name (from CLDR)
where it needs no ending. A row whose language has no sentence is asked in English, under a variant
name of its own: the two are different treatments and must not be pooled.
"""

from __future__ import annotations

import random

import langcodes

from isogloss.languages import is_lab
from isogloss.records import Prompt
from isogloss.variants.kinds import OWN
from isogloss.variants.made import Made, Maker, NotMade

SENTENCES = {
    "en": "Please answer in {}.",
    "fr": "Réponds dans la langue suivante : {}.",
    "zh": "请用{}回答。",
    "zh-Hant": "請用{}回答。",
    "es": "Responde en este idioma: {}.",
    "pt": "Responda neste idioma: {}.",
    "vi": "Vui lòng trả lời bằng {}.",
    "ca": "Respon en aquest idioma: {}.",
    "id": "Tolong jawab dalam bahasa berikut: {}.",
    "ja": "{}で答えてください。",
    "ko": "다음 언어로 대답해 주세요: {}.",
    "fi": "Vastaa tällä kielellä: {}.",
    "hu": "Kérlek, ezen a nyelven válaszolj: {}.",
    "ta": "இந்த மொழியில் பதிலளிக்கவும்: {}.",
    "te": "దయచేసి ఈ భాషలో సమాధానం ఇవ్వండి: {}.",
    "sw": "Tafadhali jibu kwa lugha hii: {}.",
    "ny": "Chonde yankhani m'chilankhulo ichi: {}.",
    "it": "Rispondi in questa lingua: {}.",
    "ar": "من فضلك أجب باللغة التالية: {}.",
    "th": "กรุณาตอบเป็นภาษา{}",
    "bn": "অনুগ্রহ করে এই ভাষায় উত্তর দিন: {}।",
    "jv": "Mangga wangsulana nganggo basa iki: {}.",
    "de": "Bitte antworte in dieser Sprache: {}.",
    "nl": "Antwoord alsjeblieft in deze taal: {}.",
    "ru": "Пожалуйста, ответь на этом языке: {}.",
    "uk": "Будь ласка, відповідай цією мовою: {}.",
    "pl": "Proszę odpowiedz w tym języku: {}.",
    "tr": "Lütfen şu dilde yanıt ver: {}.",
    "hi": "कृपया इस भाषा में उत्तर दें: {}।",
    "ur": "براہ کرم اس زبان میں جواب دیں: {}۔",
    "fa": "لطفاً به این زبان پاسخ بده: {}.",
}
"""By canonical tag; ``{}`` is the name of the language asked for, in the language of the row."""

ASKED_IN_ENGLISH = "-asked-in-en"


def reply_in_maker(language: str) -> Maker:
    """A maker of texts with the sentence on a line of its own after the request.

    Args:
        language: canonical tag of the answer's language, or ``own`` for the row's.
    """

    def make(prompt: Prompt, rng: random.Random) -> Made | NotMade:
        del rng
        if is_lab(prompt.language):
            return NotMade("a lab language has no words for it")
        wanted = prompt.language if language == OWN else language
        own = prompt.language in SENTENCES
        sentence = instruction(wanted, prompt.language if own else "en")
        return Made(
            text=f"{prompt.text}\n{sentence}",
            suffix="" if own else ASKED_IN_ENGLISH,
            note=None if own else "asked in English: no sentence in this language",
        )

    return make


def instruction(wanted: str, language: str) -> str:
    """The sentence in ``language`` that asks for an answer in ``wanted``.

    Example:
        >>> instruction("sw", "fr")
        'Réponds dans la langue suivante : swahili.'
    """
    return SENTENCES[language].format(langcodes.Language.get(wanted).display_name(language))
