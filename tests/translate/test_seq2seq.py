"""Translation models of Hugging Face, tiny and random: languages, batches, limits, errors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

from isogloss.errors import LanguageError, ModelError
from isogloss.languages import known_languages
from isogloss.targets.options import LocalOptions
from isogloss.translate.families import Languages
from isogloss.translate.load import load_translator
from isogloss.translate.seq2seq import LocalTranslator
from translate.tiny_seq2seq import madlad, nllb, opus

TEXTS = ["how do I open the door?", "lamp", "the old lamp is in the old house", "a", "lamp"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("models")
    return {
        "nllb": nllb(base / "nllb"),
        "madlad": madlad(base / "madlad"),
        "opus": opus(base / "opus"),
        "opus-many": opus(base / "opus-many", targets=("swh", "fra")),
    }


@pytest.mark.parametrize("family", ["nllb", "madlad", "opus", "opus-many"])
def test_every_family_loads_and_translates_in_order(
    folders: dict[str, Path], family: str, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = load_translator(f"hf:{folders[family]}")
    assert engine.name == f"hf:{folders[family]}"
    together = list(engine.translate(TEXTS, "en", "sw"))
    alone = [next(engine.translate([text], "en", "sw")) for text in TEXTS]
    assert [a.text for a in together] == [a.text for a in alone]
    assert together[1] == together[4]
    assert [a.text for a in engine.translate(TEXTS[::-1], "en", "sw")] == [
        a.text for a in together[::-1]
    ]
    assert len({a.text for a in together}) > 1
    assert all(a.n_prompt_tokens and a.n_tokens for a in together if a.text)
    assert capfd.readouterr() == ("", "")


def test_a_revision_stands_behind_an_at(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str | None]] = []

    def locate(source: str, options: LocalOptions) -> Path:
        seen.append((source, options.revision))
        return folders["madlad"]

    monkeypatch.setattr("isogloss.translate.seq2seq.locate_checkpoint", locate)
    assert load_translator("hf:org/model@refs/pr/45").name == "hf:org/model@refs/pr/45"
    odd = tmp_path / "a@b"
    odd.mkdir()
    assert load_translator(f"hf:{odd}").name == f"hf:{odd}"
    assert seen == [("org/model", "refs/pr/45"), (str(odd), None)]


def test_source_and_target_reach_the_model(folders: dict[str, Path]) -> None:
    engine: Any = LocalTranslator(str(folders["nllb"]), LocalOptions())
    wanted = engine._languages.wanted("sw", "ko")
    codes = engine._tokenizer.get_vocab()
    assert (wanted.source_code, wanted.first_token) == ("swh_Latn", codes["kor_Hang"])
    (tokens,) = engine._encode(["lamp"], wanted)
    assert tokens[0] == codes["swh_Latn"]
    assert tokens[-1] == codes["</s>"]
    other: Any = LocalTranslator(str(folders["madlad"]), LocalOptions())
    (tokens,) = other._encode(["lamp"], other._languages.wanted("en", "sw"))
    assert other._tokenizer.get_vocab()["<2sw>"] in tokens


@pytest.mark.parametrize(
    ("family", "source", "target", "message"),
    [
        ("nllb", "en", "fi", "does not know fi; it knows 4 languages: ace-Arab, en, ko, sw"),
        ("nllb", "fi", "en", "does not know fi"),
        ("madlad", "en", "fi", "does not know fi; it knows 2 languages: en, sw"),
        ("opus", "sw", "en", "translates from en, not sw"),
        ("opus", "en", "fi", "translates into sw, not fi"),
        ("opus-many", "en", "fi", "translates into fr, sw, not fi"),
    ],
)
def test_pairs_a_model_does_not_translate(
    folders: dict[str, Path], family: str, source: str, target: str, message: str
) -> None:
    engine = LocalTranslator(str(folders[family]), LocalOptions())
    with pytest.raises(LanguageError, match=message):
        list(engine.translate([], source, target))


def test_nllb_s_codes_lead_to_our_tags() -> None:
    class Tokenizer:
        def get_vocab(self) -> dict[str, int]:
            return {code: i for i, code in enumerate(FAIRSEQ_LANGUAGE_CODES)}

        def convert_tokens_to_ids(self, token: str) -> int:
            return FAIRSEQ_LANGUAGE_CODES.index(token)

    languages = Languages("nllb", "m2m_100", Tokenizer())
    expected = {"sw": "swh_Latn", "zh": "zho_Hans", "zh-Hant": "zho_Hant", "ar": "arb_Arab",
                "mn": "khk_Cyrl", "no": "nob_Latn", "fil": "tgl_Latn", "ko": "kor_Hang",
                "ms": "zsm_Latn", "ne": "npi_Deva", "uz": "uzn_Latn", "luo": "luo_Latn",
                "ps": "pbt_Arab", "fa": "pes_Arab", "mi": "mri_Latn"}  # fmt: skip
    assert {tag: languages.wanted(tag, "en").source_code for tag in expected} == expected
    for tag in known_languages():
        assert languages.wanted("en", tag).first_token is not None


def test_m2m_and_mbart_codes() -> None:
    class Tokenizer:
        def __init__(self, *tokens: str) -> None:
            self.tokens = tokens

        def get_vocab(self) -> dict[str, int]:
            return {token: i for i, token in enumerate(self.tokens)}

        def convert_tokens_to_ids(self, token: str) -> int:
            return self.tokens.index(token)

    m2m = Languages("m2m", "m2m_100", Tokenizer("a", "__en__", "__sw__")).wanted("en", "sw")
    assert (m2m.source_code, m2m.first_token) == ("en", 2)
    mbart = Languages("mbart", "mbart", Tokenizer("en_XX", "x", "sw_KE")).wanted("en", "sw")
    assert (mbart.source_code, mbart.first_token) == ("en_XX", 2)


def test_a_text_that_does_not_fit_is_said_and_not_cut(tmp_path: Path) -> None:
    engine = LocalTranslator(str(nllb(tmp_path, longest=20)), LocalOptions())
    long, short = engine.translate(["lamp " * 30, "lamp"], "en", "sw")
    assert long.text is None
    assert long.reason == "153 tokens; the model takes 20"  # 30 x 5, one of its own, two marks
    assert short.text
    assert short.truncated or (short.n_tokens or 0) < 20


def test_models_that_are_no_translators(tmp_path: Path, folders: dict[str, Path]) -> None:
    from targets.tiny_models import tiny_model

    with pytest.raises(ModelError, match="is a llama model; translation models known here"):
        load_translator(f"hf:{tiny_model(tmp_path / 'llama')}")
    plain = tmp_path / "plain"
    shutil.copytree(folders["madlad"], plain)
    text = (plain / "tokenizer.json").read_text()
    for token in ("<2sw>", "<2en>", "<2transliterate>"):
        text = text.replace(token, f"x{token[2:-1]}")
    (plain / "tokenizer.json").write_text(text)
    with pytest.raises(ModelError, match="its tokenizer has no language tokens"):
        load_translator(f"hf:{plain}")
    with pytest.raises(ModelError, match="there is no folder"):
        load_translator("hf:models/nowhere/at/all")


def test_an_opus_model_without_its_tokenizer(tmp_path: Path, folders: dict[str, Path]) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folders["opus"], broken)
    (broken / "source.spm").unlink()
    with pytest.raises(ModelError, match=r"pip install 'isogloss\[opus\]'"):
        load_translator(f"hf:{broken}")


def test_settings_change_with_the_weights(tmp_path: Path, folders: dict[str, Path]) -> None:
    from safetensors.torch import load_file, save_file

    other = tmp_path / "other"
    shutil.copytree(folders["nllb"], other)
    weights = load_file(other / "model.safetensors")
    weights["model.shared.weight"] += 1
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    one, two = (LocalTranslator(str(f), LocalOptions()) for f in (folders["nllb"], other))
    assert one.settings != two.settings
    assert json.loads((other / "config.json").read_text())["model_type"] == "m2m_100"
