"""What was sampled, scored and used survives its file."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image

from sophia.run.groups import kept_steps, load_groups, record_groups, save_groups
from sophia.types import Media, Message
from tests.builders import completion, prompt, rollout, scored_group
from tests.records import kept_completion, kept_group, png


def test_groups_survive_the_file(tmp_path: Path) -> None:
    group = kept_group(kept_completion(1.0, None, total=None), kept_completion(0.0, 0.4))
    save_groups(tmp_path, [group, replace(group, images=())], rl_step=3)
    assert load_groups(tmp_path, 3) == [group, replace(group, images=())]
    assert load_groups(tmp_path, 3, images=False)[0] == replace(group, images=())
    assert kept_steps(tmp_path) == [3]


def test_the_question_and_its_options_survive_the_file(tmp_path: Path) -> None:
    group = kept_group(problem="Which?", question="Which? A 4", options={"A": "4", "B": ""})
    save_groups(tmp_path, [group], rl_step=0)
    assert load_groups(tmp_path, 0) == [group]


def test_older_files_hold_no_problem(tmp_path: Path) -> None:
    save_groups(tmp_path, [kept_group(question="the turn")], rl_step=0)
    (path,) = tmp_path.iterdir()
    pq.write_table(pq.read_table(path).drop_columns(["problem", "options"]), path)
    (group,) = load_groups(tmp_path, 0)
    assert (group.problem, group.options) == ("the turn", {})


def test_a_step_written_again_replaces_itself(tmp_path: Path) -> None:
    save_groups(tmp_path, [kept_group(kept_completion(1.0, 1.0))], rl_step=3)
    again = kept_group(kept_completion(0.0, 0.0))
    save_groups(tmp_path, [again], rl_step=3)
    assert load_groups(tmp_path, 3) == [again]
    assert len(list(tmp_path.iterdir())) == 1


def test_processes_keep_files_of_their_own(tmp_path: Path) -> None:
    for rank in (0, 1, 10, 2):
        named = kept_group(uid=f"rank {rank}")
        save_groups(tmp_path, [named], rl_step=0, rank=rank, world_size=11)
    assert [g.uid for g in load_groups(tmp_path, 0)] == ["rank 0", "rank 1", "rank 2", "rank 10"]


def test_fewer_processes_leave_nothing_of_more(tmp_path: Path) -> None:
    for rank in (0, 1):
        save_groups(tmp_path, [kept_group(uid="two")], rl_step=0, rank=rank, world_size=2)
    save_groups(tmp_path, [kept_group(uid="one")], rl_step=0)
    assert [g.uid for g in load_groups(tmp_path, 0)] == ["one"]


def test_advantages_go_to_their_completions() -> None:
    groups = [scored_group([1.0, 0.0]), scored_group([None, 1.0, 0.0])]
    first, second = record_groups(groups, [0.1, 0.2, 0.3, 0.4, 0.5], rl_step=2, max_image_side=99)
    assert [c.advantage for c in first.completions] == [0.1, 0.2]
    assert [(c.total, c.advantage) for c in second.completions] == [
        (None, 0.3),
        (1.0, 0.4),
        (0.0, 0.5),
    ]
    assert first.rl_step == 2


def test_the_prompt_is_kept_with_its_images() -> None:
    message = Message(role="user", content=(Media(source=png()), "2 + 2?"))
    asked = rollout(prompt=prompt(messages=(message,)))
    kept = record_groups(
        [scored_group([1.0, 0.0], rollout=asked)], [0, 0], rl_step=0, max_image_side=99
    )
    assert kept[0].prompt == "user: <image>2 + 2?"
    with Image.open(io.BytesIO(kept[0].images[0])) as image:
        assert (image.format, image.size) == ("PNG", (8, 8))
    small = record_groups(
        [scored_group([1.0, 0.0], rollout=asked)], [0, 0], rl_step=0, max_image_side=4
    )
    with Image.open(io.BytesIO(small[0].images[0])) as image:
        assert image.size == (4, 4)
    bare = record_groups(
        [scored_group([1.0, 0.0], rollout=asked)], [0, 0], rl_step=0, max_image_side=0
    )
    assert bare[0].images == ()


def test_log_probs_are_summarised() -> None:
    said = rollout(completions=(completion(sampling_logps=(-1.0, -3.0), token_ids=(1, 2)),) * 2)
    kept = record_groups(
        [scored_group([1.0, 0.0], rollout=said)], [0, 0], rl_step=0, max_image_side=99
    )
    assert kept[0].completions[0].sampling_logp_mean == -2.0
    assert kept[0].completions[0].sampling_logp_min == -3.0
