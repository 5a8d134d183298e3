"""Target strings: what they load, and one clear sentence for what they cannot."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import pytest
from safetensors.torch import load_file, save_file

from isogloss.errors import ModelError
from isogloss.targets.load import load_target
from isogloss.targets.options import LocalOptions
from targets.tiny_models import tiny_model

LAYER = "model.layers.1.mlp.up_proj.weight"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("good"))


def test_a_folder_loads_without_a_word(good: Path, capfd: pytest.CaptureFixture[str]) -> None:
    target = load_target(f"hf:{good}/")
    assert target.name == f"hf:{good}"
    assert capfd.readouterr() == ("", "")


def test_a_revision_is_part_of_the_name(good: Path) -> None:
    assert load_target(f"hf:{good}", options=LocalOptions(revision="v2")).name == f"hf:{good}@v2"


@pytest.mark.parametrize("spec", ["vllm:gpt", "nonsense", "", "HF:x"])
def test_unknown_schemes_list_the_known(spec: str) -> None:
    with pytest.raises(ModelError, match=r"lab:.*hf:PATH_OR_ID, openai:MODEL, replay:FILE\.$"):
        load_target(spec)


def test_a_bare_folder_gets_a_hint(good: Path) -> None:
    with pytest.raises(ModelError, match=f"Did you mean hf:{good}?"):
        load_target(str(good))


def test_a_bare_preset_gets_a_hint() -> None:
    with pytest.raises(ModelError, match=r"Did you mean lab:tiny\?$"):
        load_target("tiny")


def test_nothing_after_the_scheme() -> None:
    with pytest.raises(ModelError, match="names nothing"):
        load_target("hf:")


def _drop_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors[LAYER]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _shrink_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors[LAYER] = tensors[LAYER][:5].contiguous()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def _drop_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def _needs_own_code(folder: Path) -> None:
    maps = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    (folder / "config.json").write_text(json.dumps({"model_type": "zzz", "auto_map": maps}))
    (folder / "code.py").write_text("raise SystemExit('this must never run')")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (lambda f: (f / "config.json").write_text('{"a": '), "not valid JSON"),
        (lambda f: (f / "config.json").write_text("[1]"), "no model_type"),
        (lambda f: (f / "config.json").write_text('{"model_type": "zzz"}'), "zzz"),
        (lambda f: (f / "model.safetensors").unlink(), "no .safetensors weights"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "only .bin weights"),
        (
            lambda f: (f / "tokenizer.json").write_text("{"),
            r"model has no usable tokenizer \(.*save_pretrained\(FOLDER\)$",
        ),
        (_drop_tokenizer, r"model has no usable tokenizer \(.*save_pretrained\(FOLDER\)$"),
        (_cut_weights, "cannot be loaded"),
        (_drop_tensor, rf"1 tensor\(s\) missing, such as {LAYER}"),
        (_shrink_tensor, rf"1 tensor\(s\) of another shape, such as {LAYER}"),
        (_needs_own_code, "Python code of its own"),
    ],
)
def test_a_folder_that_is_no_model_is_one_sentence(
    good: Path, tmp_path: Path, harm: Callable[[Path], object], message: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(good, folder)
    harm(folder)
    with pytest.raises(ModelError, match=message) as caught:
        load_target(f"hf:{folder}")
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("place", ["/no/such/folder", "./nothing", "a/b/c"])
def test_a_path_that_is_not_there(place: str) -> None:
    with pytest.raises(ModelError, match="there is no folder"):
        load_target(f"hf:{place}")


def test_a_file_is_no_folder(good: Path) -> None:
    with pytest.raises(ModelError, match="is a file"):
        load_target(f"hf:{good}/config.json")


def test_an_id_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="no model of that id could be fetched"):
        load_target("hf:isogloss-tests/never-published")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (LocalOptions(device="toaster"), "not a device"),
        (LocalOptions(dtype="int4"), "not a dtype"),
        (LocalOptions(workers=0), "workers"),
        (LocalOptions(batch_tokens=0), "batch_tokens"),
    ],
)
def test_options_that_cannot_be(good: Path, options: LocalOptions, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_target(f"hf:{good}", options=options)


def test_naming_targets_does_not_import_torch() -> None:
    code = "import sys, isogloss.targets.load; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
