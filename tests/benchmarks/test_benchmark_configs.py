"""The shipped benchmarks: their keys, their paper's numbers, and one's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hydra
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from sophia.benchmarks.readers.tsv import TSV
from sophia.cli.commands import CONFIGS
from tests.benchmarks.fixtures.writing import in_base64, write_tsv
from tests.benchmarks.published_sources import NAMES, config, every, sources

MODELS = ["base", "GRPO", "SophiaVL-R1-7B"]


def tsv_files(name: str) -> list[Any]:
    """The TSV files in a configuration, however deep."""
    nodes, found = [OmegaConf.to_container(config(name), resolve=False)], []
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            nodes += node.values()
            if str(node.get("_target_", "")).endswith(".TSV"):
                found.append(node)
        elif isinstance(node, list):
            nodes += node
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_stands_under_its_name(name: str) -> None:
    text = (CONFIGS / f"benchmark/{name}.yaml").read_text()
    assert text.startswith(f"# @package benchmarks.{name}\n# ")
    cfg = config(name)
    assert cfg["_target_"] == "sophia.benchmarks.benchmark.Benchmark"
    assert cfg.notes.endswith(".")
    for numbers in cfg.reference.values():
        assert list(numbers) == MODELS


@pytest.mark.parametrize("name", [name for name in NAMES if name != "own"])
def test_files_of_vlmevalkit_have_their_digest_and_address(name: str) -> None:
    for node in tsv_files(name):
        assert len(bytes.fromhex(node["md5"])) == 16
        assert node["url"].startswith("https://")
        assert node["url"].endswith(".tsv")


def test_the_papers_numbers() -> None:
    """Tables 1 and 2 of arXiv:2505.17018; MathVerse's overall number is the mean of the others."""
    overall = {name: list(config(name).reference.overall.values())
               for name in NAMES if "overall" in config(name).reference}  # fmt: skip
    assert overall["mathvista"] == [67.5, 69.9, 71.3]
    assert overall["mmmu"] == [57.4, 58.0, 61.3]
    assert overall["mme"] == [2306.0, 2298.2, 2403.8]
    assert overall["chartqa"] == [86.3, 87.2, 88.5]
    assert overall["mmbench"] == [83.3, 83.4, 85.4]
    assert overall["mmstar"] == [64.3, 65.6, 66.7]
    versions = dict(config("mathverse").reference)
    whole = versions.pop("overall")
    assert len(versions) == 5
    for model in MODELS:
        mean = sum(numbers[model] for numbers in versions.values()) / 5
        assert whole[model] == pytest.approx(mean, abs=0.051)
    for name, numbers in ((k.removeprefix("version/"), v) for k, v in versions.items()):
        one = config(f"mathverse_{name.lower().replace(' ', '_')}").reference.overall
        assert dict(one) == dict(numbers)


def test_a_file_of_ones_own_is_named_on_the_command_line(tmp_path: Path) -> None:
    path = write_tsv(
        tmp_path / "mine.tsv",
        [
            {"index": 0, "question": "Which?", "A": "x", "B": "y", "answer": "B",
             "image": in_base64(1), "category": "c"},
            {"index": 1, "question": "And in text?", "A": "x", "B": "y", "answer": "A",
             "image": None, "category": "d"},
        ],
    )  # fmt: skip
    with initialize_config_dir(config_dir=str(CONFIGS / "benchmark"), version_base="1.3"):
        overrides = [f"benchmarks.own.sources.0.file={path}"]
        cfg = compose("own", overrides=overrides).benchmarks.own
    assert cfg.title == str(path)
    (source,) = hydra.utils.instantiate(cfg.sources, _convert_="all")
    assert isinstance(source, TSV)
    found = every(source.read(path, cache=tmp_path / "cache"))
    assert [item.labels for item in found] == [{"category": "c"}, {"category": "d"}]


def test_every_source_and_prompt_is_built_of_its_configuration() -> None:
    assert len(NAMES) == 25
    assert all(sources(name) for name in NAMES if name != "own")
