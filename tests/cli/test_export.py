"""What an exported folder says about itself, what it keeps to itself, and how it is asked again."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

from sophia.cli.command_line.portable import portable, settings_to_share, shared_settings
from sophia.cli.command_line.run_defaults import asked_as_in_training
from sophia.cli.commands import CONFIGS
from sophia.cli.running.folder import settings_text
from sophia.cli.verbs.export import export
from sophia.models.export import hub_id, save_skeleton
from sophia.models.load import load_model
from sophia.models.processor import loading_problem, write_chat_template
from tests.commands import run
from tests.composing import composed
from tests.models.architectures import save_architecture

EVERYTHING_PRIVATE = (
    "experiment=mine",
    "data=example",
    "model.path=/home/me/models/some-vl-3b",
    "data.train.sources.files=/home/me/secret/rows.jsonl",
    "reward=paper",
    "annealing=exponential",
    "judge=http",
    "judge.url=http://10.0.0.5:8000/v1",
    "judge.api_key=sk-verysecret",
    "judge.cache_path=/home/me/judge.sqlite",
    "logger=wandb",
    "+reward.extra.short._target_=sophia.rewards.custom.CustomReward",
    "+reward.extra.short.function=/home/me/rewards.py:short",
    "+reward.extra.short.weight=0.5",
    "cache_dir=/home/me/cache",
    'template.system="Think in <think> </think>, then answer. /no_think"',
)
PRIVATE = ("/home/me", "10.0.0.5", "verysecret", "wandb", "127.0.0.1")


def make_run(folder: Path, model: Path, *overrides: str, finished: bool = True) -> Path:
    """A run of two steps as its folder has it, put together by hand."""
    save_skeleton(model, folder / "model")
    (folder / "config.yaml").write_text(settings_text(composed(*overrides)))
    (folder / "checkpoints").mkdir()
    state = load_model(model).state_dict()
    for step in (1, 2):
        torch.save(
            {
                "state_dict": {f"policy.model.{name}": value for name, value in state.items()},
                "adapter_scaling": 1.0,
            },
            folder / "checkpoints" / f"step_{step:06d}.ckpt",
        )
    (folder / "metrics.csv").write_text("rl_step,reward\n0,0.1\n1,0.2\n")
    (folder / "curves.png").write_bytes(b"\x89PNG")
    if finished:
        (folder / "run.json").write_text(json.dumps(RECORD))
        (folder / "evaluation_after.jsonl").write_text(
            "".join(json.dumps({**ANSWER, "uid": str(i)}) + "\n" for i in range(3))
        )
    return folder


def figure(value: float | None, low: float, high: float) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


RECORD = {
    "commit": "0123456789abcdef",
    "versions": {"sophia-grpo": "9.8.7", "python": "3.11.7", "torch": "2.13.0"},
    "accuracy_after": 0.75,
    "evaluation": {
        "before": {
            "accuracy": figure(0.5, 0.4, 0.6),
            "thinking": figure(None, 0, 0),
            "accuracy/numerical": figure(0.5, 0.4, 0.6),
        },
        "after": {
            "accuracy": figure(0.75, 0.65, 0.85),
            "thinking": figure(None, 0, 0),
            "accuracy/numerical": figure(0.75, 0.65, 0.85),
        },
        "change": {"accuracy": figure(0.25, 0.125, 0.375), "thinking": figure(None, 0, 0)},
    },
}
ANSWER = {
    "uid": "0", "problem_type": "numerical", "units": [0], "question": "?", "answer": "1",
    "text": "1", "well_formed": True, "outcome": 1.0, "thinking": None,
}  # fmt: skip


def exported(run_dir: Path, out: Path, **settings: Any) -> str:
    """Export as the command does; the card."""
    cfg = composed_export(ckpt=str(run_dir), out=str(out), **settings)
    export(cfg)
    return (out / "README.md").read_text()


def composed_export(**settings: Any) -> DictConfig:
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)):
        cfg = compose("export", overrides=["run_dir=nowhere"])
    return OmegaConf.merge(cfg, settings)  # type: ignore[return-value]


def code(card: str) -> list[str]:
    """The Python in a card: with transformers, with vLLM."""
    return re.findall(r"```python\n(.*?)```", card, re.DOTALL)


def front_matter(card: str) -> Mapping[str, Any]:
    return dict(OmegaConf.create(card.split("---\n")[1]))


@pytest.fixture(scope="module")
def folder(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a finished run of the quick start."""
    root = tmp_path_factory.mktemp("shared")
    exported(make_run(root / "run", tiny_folder), root / "out")
    return root / "out"


def test_everything_that_loads_without_further_packages_does(
    folder: Path, tiny_folder: Path
) -> None:
    model = AutoModelForImageTextToText.from_pretrained(folder)
    for name, weight in load_model(tiny_folder).state_dict().items():
        assert torch.equal(model.state_dict()[name], weight), name
    assert AutoTokenizer.from_pretrained(folder).chat_template
    assert AutoImageProcessor.from_pretrained(folder).size == {
        "shortest_edge": 784, "longest_edge": 200704,
    }  # fmt: skip


def test_what_does_not_load_here_is_said(folder: Path, tiny_folder: Path, tmp_path: Path) -> None:
    said = loading_problem(folder)  # without torchvision; tests/vllm loads the processor
    assert said is None or said.startswith("AutoProcessor needs the package torchvision, which")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    assert (loading_problem(tmp_path) or "").startswith("AutoProcessor")
    save_architecture("qwen2", tmp_path / "text", tiny=tiny_folder)
    assert loading_problem(tmp_path / "text") is None
    (tmp_path / "text" / "tokenizer.json").write_text("{")
    assert (loading_problem(tmp_path / "text") or "").startswith("AutoTokenizer cannot load it: ")


def test_a_chat_template_gets_a_file_of_its_own(tmp_path: Path, tiny_folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "chat_template.jinja").unlink()
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    settings["chat_template"] = tokenizer.chat_template
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    assert write_chat_template(tmp_path)
    assert (tmp_path / "chat_template.jinja").read_text() == tokenizer.chat_template
    assert not write_chat_template(tmp_path)


def test_the_card_of_a_finished_run(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    assert front_matter(card) == {
        "library_name": "transformers",
        "pipeline_tag": "image-text-to-text",
        "tags": ["sophia", "grpo", "trust-grpo", "reinforcement-learning"],
    }
    assert "trained by **Trust-GRPO** with sophia 9.8.7" in card
    assert "3 held-out questions, greedy answers" in card
    assert "| accuracy | 50.0 [40.0, 60.0] | 75.0 [65.0, 85.0] | +25.0 [+12.5, +37.5] |" in card
    assert "| accuracy, numerical | 50.0 [40.0, 60.0] | 75.0 [65.0, 85.0] |  |" in card
    assert "| thinking" not in card  # nobody scored it
    assert "`R = outcome + γ · 0.3 · exp(−t / 300) · thinking`, and 0 without the format" in card
    assert "![Reward, accuracy and other curves of the training run](curves.png)" in card
    assert (folder / "curves.png").is_file()
    assert "2 steps of 16 prompts with 8 completions each, of at most 24 tokens" in card
    assert "Not evaluated beyond these 3 held-out questions." in card
    assert "license:" not in card
    assert "(left out)" not in card


def test_the_card_of_a_run_without_a_thinking_reward(tmp_path: Path, tiny_folder: Path) -> None:
    made = make_run(
        tmp_path / "run", tiny_folder, "experiment=mine", "data=example",
        "model.path=Qwen/Qwen2.5-VL-3B-Instruct", "reward.format_mode=weight",
    )  # fmt: skip
    card = exported(made, tmp_path / "out", push=None)
    matter = front_matter(card)
    assert matter["base_model"] == "Qwen/Qwen2.5-VL-3B-Instruct"
    assert matter["tags"] == ["sophia", "grpo", "reinforcement-learning"]
    assert "by **GRPO** with sophia 9.8.7 on rows.jsonl." in card
    assert "`R = outcome + 0.1 · format`." in card
    assert "γ" not in card
    assert 'system = "You FIRST think about' in card
    assert 'before, after = "", "{question}\\nPlease think about this question' in card


def test_the_card_of_a_language_model_with_adapters(tmp_path: Path, tiny_folder: Path) -> None:
    text = save_architecture("qwen2", tmp_path / "text", tiny=tiny_folder)
    (text / "chat_template.jinja").write_text(
        "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    )
    made = make_run(
        tmp_path / "run", text, "experiment=mine", "data=example", f"model.path={text}",
        "model/lora=default", "model.lora.rank=8",
    )  # fmt: skip
    card = exported(made, tmp_path / "out")
    matter = front_matter(card)
    assert matter["pipeline_tag"] == "text-generation"
    assert "lora" in matter["tags"]
    assert "Adapters (LoRA, rank 8) were trained and are merged into these weights" in card
    assert "picture.png" not in card
    assert "torchvision" not in card
    snippets = code(card)
    named = f"model_id = {str(tmp_path / 'out')!r}"
    ran: dict[str, Any] = {}
    exec(snippets[0].replace('model_id = "out"', named), ran)
    assert isinstance(ran["answer"], str)
    tokens = AutoTokenizer.from_pretrained(tmp_path / "out")
    prompt = tokens.decode(ran["inputs"]["input_ids"][0])
    assert "You FIRST think" in prompt
    assert "What is 2 + 3?\nPlease think about this question" in prompt


@pytest.mark.parametrize(
    ("finished", "ckpt", "said"),
    [
        (False, "", "**The run has not finished:** these are its weights after 2 of 300 steps"),
        (
            True,
            "checkpoints/step_000001.ckpt",
            "**These are the weights after step 1** of a run of",
        ),
    ],
)
def test_weights_that_were_not_evaluated_have_no_table(
    finished: bool, ckpt: str, said: str, tmp_path: Path, tiny_folder: Path
) -> None:
    made = make_run(tmp_path / "run", tiny_folder, finished=finished)
    card = exported(made / ckpt, tmp_path / "out")
    assert said in card
    assert "None for these weights." in card
    assert "| accuracy" not in card


@pytest.mark.parametrize("given", ["", "policy"])
def test_a_run_without_checkpoints_has_its_policy(
    given: str, tmp_path: Path, tiny_folder: Path
) -> None:
    made = make_run(tmp_path / "run", tiny_folder)
    shutil.copytree(tiny_folder, made / "policy")
    for checkpoint in (made / "checkpoints").iterdir():
        checkpoint.unlink()
    assert "| accuracy |" in exported(made / given, tmp_path / "out")
    weights = "model.safetensors"
    written = (tmp_path / "out" / weights).read_bytes()
    assert written == (made / "policy" / weights).read_bytes()


def test_nothing_private_leaves(
    tmp_path: Path, tiny_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = make_run(tmp_path / "run", tiny_folder, *EVERYTHING_PRIVATE)
    with caplog.at_level("INFO"):
        card = exported(made, tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        if path.suffix not in (".safetensors", ".png"):
            assert not [word for word in PRIVATE if word in path.read_text()], path.name
    assert "path: '.../some-vl-3b'" in card
    assert "\nsome-vl-3b trained by **Trust-GRPO** with sophia 9.8.7 on rows.jsonl." in card
    assert "function: '.../rewards.py:short'" in card
    assert "+ 0.5 · short`" in card
    assert "scored by a reward model behind a server" in card
    assert "base_model" not in card
    assert "sophia.yaml does not hold data: there are paths" in caplog.text
    shared = OmegaConf.load(tmp_path / "out" / "sophia.yaml")
    assert "data" not in shared
    assert shared.template.system == "Think in <think> </think>, then answer. /no_think"
    assert shared.reward.extra == {}
    assert "url" not in shared.judge
    assert "api_key" not in shared.judge


def test_settings_are_read_as_text() -> None:
    settings = {
        "a": ["/x/y.json", "data/rows.jsonl", "see /x/y/z.txt, please", "~/m"],
        "b": {"hf_token": "abc", "max_tokens": 5, "note": "hf_abcdefghijk", "env": "${oc.env:A,b}"},
        "c": {"url": "https://a.b/c", "half": "1/2 and/or 3", "ref": "${num_steps}"},
        "template": {"system": "/no_think"},
    }
    assert portable(settings) == {
        "a": [".../y.json", "data/rows.jsonl", "see .../z.txt, please", ".../m"],
        "b": {
            "hf_token": "(left out)", "max_tokens": 5, "note": "(left out)", "env": "(left out)",
        },
        "c": {"url": "(left out)", "half": "1/2 and/or 3", "ref": "${num_steps}"},
        "template": {"system": "/no_think"},
    }  # fmt: skip


def asked(ckpt: Path, *arguments: str) -> DictConfig:
    keys = ("data", "template", "prompt_limits", "reward", "judge", "evaluation", "sampling")
    with (
        initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)),
        asked_as_in_training([f"ckpt={ckpt}", *arguments], keys) as words,
    ):
        return compose("evaluate", overrides=list(words))


def test_an_exported_folder_is_asked_as_its_run_was(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, run_dir = asked(folder), folder.parent / "run"
    said = capsys.readouterr().out
    assert {**theirs, "ckpt": None} == {**asked(run_dir), "ckpt": None}
    assert theirs.data.heldout._target_ == "sophia.data.digits.DigitsDataset"
    assert theirs.sampling.max_new_tokens == 24
    assert said == (
        "data, template, prompt_limits, reward, judge, evaluation, sampling.max_new_tokens as in"
        f" {folder}; key=value on the command line wins\n"
    )
    assert asked(folder, "sampling.max_new_tokens=7").sampling.max_new_tokens == 7


def test_a_judge_is_asked_at_the_address_of_whoever_evaluates(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_run(tmp_path / "run", tiny_folder, *EVERYTHING_PRIVATE, "judge.model=thinker")
    exported(made, tmp_path / "elsewhere" / "deeper" / "out")
    monkeypatch.setenv("OPENAI_API_URL", "http://mine:1/v1")
    cfg = asked(tmp_path / "elsewhere" / "deeper" / "out")
    assert cfg.judge.url == "http://mine:1/v1"
    assert cfg.judge.model == "thinker"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"template": {"_target_": "os.system", "command": "true"}}, "built by 'os.system'"),
        (
            {"template": {"_target_": "sophia.run.folder.os.system", "command": "true"}},
            "which is not sophia's",
        ),
        ({"judge": {"url": "http://evil/"}}, "names a path, an address"),
        ({"judge": {"model": "${oc.env:HF_TOKEN}"}}, "HF_TOKEN"),
        ({"data": {"heldout": {"files": {"a": "/etc/passwd"}}}}, "names a path"),
        ({"data": {"heldout": {"files": {"a": "../../b.json"}}}}, r"names '\.\./\.\./b.json'"),
        ({"evaluation": {"_args_": ["x"]}}, "has a key '_args_'"),
        ({"reward": {"defaults": ["paper"]}}, "has a list of defaults"),
    ],
)
def test_settings_from_a_stranger_run_nothing(
    settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "sophia.yaml"
    path.write_text(OmegaConf.to_yaml(OmegaConf.create(settings)))
    with pytest.raises(ValueError, match=said):
        shared_settings(path)
    with pytest.raises(ValueError, match=r"say these settings on the command line and delete"):
        asked(tmp_path)


def test_a_class_of_ones_own_stays_behind() -> None:
    own = {"template": {"_target_": "mine.Template"}, "judge": None, "prompt_limits": {"a": 1}}
    assert settings_to_share(own) == ({"judge": None, "prompt_limits": {"a": 1}}, ("template",))


def test_ids_on_the_hub(tmp_path: Path) -> None:
    cached = "/x/hub/models--Qwen--Qwen2.5-VL-3B-Instruct/snapshots/0123"
    assert hub_id("Qwen/Qwen2.5-VL-3B-Instruct") == "Qwen/Qwen2.5-VL-3B-Instruct"
    assert hub_id(cached) == "Qwen/Qwen2.5-VL-3B-Instruct"
    assert [hub_id(path) for path in (None, "/x/y", "./x/y", "x", "a/b/c", "docs/examples")] == (
        [None] * 6
    )


def test_what_an_export_says_of_its_run_is_not_passed_on(folder: Path, tmp_path: Path) -> None:
    save_skeleton(folder, tmp_path / "model")
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert not names & {"README.md", "curves.png", "sophia.yaml"}
    assert "config.json" in names


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(ValueError, match="push=me/x needs a token"):
        export(composed_export(ckpt=str(tmp_path), out=str(tmp_path / "out"), push="me/x"))
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    with pytest.raises(ValueError, match=r"no folder that was exported.*add out="):
        export(composed_export(ckpt=str(tmp_path), push="me/x"))
    with pytest.raises(ValueError, match="push=USER/NAME to upload"):
        export(composed_export(ckpt=str(tmp_path)))


@pytest.mark.slow
def test_a_real_run_is_exported_and_evaluated(finished: Path, tmp_path: Path, cache: Path) -> None:
    out = tmp_path / "out"
    run("-m", "sophia", "export", f"ckpt={finished}", f"out={out}", cache=cache)
    card = (out / "README.md").read_text()
    assert "8 held-out questions, greedy answers" in card
    assert "1 · letters`" in card
    assert str(finished.parent) not in card
    said = run("evaluate.py", f"ckpt={out}", f"run_dir={tmp_path / 'own'}", cache=cache)
    assert f"as in {out}" in said
    assert "8 questions, seed 0" in " ".join(said.split())
    record = json.loads((finished / "run.json").read_text())
    figures = json.loads((tmp_path / "own" / "results.json").read_text())["policies"][0]["figures"]
    assert figures["accuracy"]["value"] == record["accuracy_after"]
