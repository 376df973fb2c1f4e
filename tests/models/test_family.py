"""What differs between families is said in one file, and said of every parameter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sophia.measure.flops import model_shape
from sophia.measure.perf import backward_cost
from sophia.models import family
from sophia.models.family import (
    FAMILIES,
    control_tokens,
    family_of,
    image_tokens,
    is_vision_weight,
    media_tokens,
    part_of,
    vision_module,
)
from sophia.models.load import ModelLoader, freeze, load_model
from sophia.models.lora import LoRA
from sophia.models.sharding import frozen_vision
from tests.models.architectures import ARCHITECTURES, VISION, save_architecture

ROOM = Path(family.__file__).parents[1]
HOMES = ("models/family.py", "models/tiny.py")  # tiny.py makes a model of one family


@pytest.fixture(scope="module")
def folders(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("families")
    return {name: save_architecture(name, root / name, tiny=tiny_folder) for name in ARCHITECTURES}


def test_every_entry_is_proven() -> None:
    """A model type in the table is one of those that test_architectures.py trains."""
    named = [model_type for each in FAMILIES for model_type in each.model_types]
    assert sorted(named) == sorted(ARCHITECTURES)


def test_names_of_a_family_are_spelled_in_one_file() -> None:
    spelled = re.compile(r"[\"'.]visual\b|merger|patch_embed|<\|(image|vision|video)_|qwen2_5_vl\"")
    found = [
        str(path.relative_to(ROOM))
        for path in ROOM.rglob("*.py")
        if str(path.relative_to(ROOM)) not in HOMES and spelled.search(path.read_text())
    ]
    assert not found


@pytest.mark.parametrize("name", VISION)
def test_the_tower_is_the_parameters_of_its_parts(name: str, folders: dict[str, Path]) -> None:
    model = load_model(folders[name])
    tower = set(vision_module(model).parameters())
    for key, parameter in model.named_parameters():
        part = part_of(key, model.config)
        assert (part is not None) == (parameter in tower) == is_vision_weight(key), key
        assert (part == "projector") == ("merger" in key), key
    freeze(model, ("vision", "projector"))
    assert len(frozen_vision(model)) == len(tower)


@pytest.mark.parametrize("name", ARCHITECTURES[len(VISION) :])
def test_a_language_model_is_all_text(name: str, folders: dict[str, Path]) -> None:
    model = load_model(folders[name])
    assert vision_module(model) is None
    assert not frozen_vision(model)
    assert {part_of(key, model.config) for key, _ in model.named_parameters()} == {None}
    assert model_shape(model).layer_weights == 3 * sum(
        p.numel() for p in model.model.layers[0].parameters() if p.dim() > 1
    )
    assert backward_cost(model).vision == 0.0
    with pytest.raises(ValueError, match=rf"cannot freeze \['vision'\] of a '{name}' model"):
        freeze(model, ("vision",))


def test_a_family_without_a_tower_is_adapted(folders: dict[str, Path]) -> None:
    model = ModelLoader(path="here", lora=LoRA(rank=2, alpha=4)).load(folders["llama"])
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert len(trained) == 3 * 7 * 2


def test_tokens_of_media() -> None:
    assert image_tokens() == ("<|image_pad|>",)
    assert set(image_tokens()) <= set(media_tokens()) <= set(control_tokens())
    assert {"<|im_end|>", "<|eot_id|>"} <= set(control_tokens())


def test_an_unknown_type_has_no_family(folders: dict[str, Path]) -> None:
    config = load_model(folders["qwen2"]).config
    config.model_type = "gemma3_text"
    assert family_of(config) is None
