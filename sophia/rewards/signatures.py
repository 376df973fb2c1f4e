"""How a reward function of the user's own is called: our signatures, TRL's, EasyR1's.

TRL calls ``f(prompts, completions, completion_ids, **columns) -> list[float | None]`` (its
``GRPOTrainer``, version 1.10), EasyR1 ``compute_score(reward_inputs) -> list[{"overall": ...}]``
(version 0.3). Here a batch is one group: a prompt and all its completions.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from sophia.own.function import UnusableError
from sophia.types import GradedGroup, Media, Prompt

RewardSignature = Literal["sophia", "trl", "trl_messages", "easyr1", "easyr1_sequential", "group"]
"""The names under which a configuration chooses one of ``CALLS``."""

Caller = Callable[[Callable[..., Any], GradedGroup], Any]
"""Calls a function for one group; what comes back should be one value per completion."""


_GOLD_NAMES = ("answer", "solution", "ground_truth")


def _call_sophia(function: Callable[..., Any], group: GradedGroup) -> Any:
    rollout = group.rollout
    return [function(rollout.prompt, completion) for completion in rollout.completions]


def _call_group(function: Callable[..., Any], group: GradedGroup) -> Any:
    return function(group)


def _call_trl(function: Callable[..., Any], group: GradedGroup) -> Any:
    """TRL's call for data whose prompts are plain texts."""
    texts = [completion.text for completion in group.rollout.completions]
    return _by_columns(function, group, group.rollout.prompt.question, texts)


def _call_trl_messages(function: Callable[..., Any], group: GradedGroup) -> Any:
    """TRL's call for data whose prompts are conversations: every completion is one message."""
    turns = [[{"role": "assistant", "content": c.text}] for c in group.rollout.completions]
    return _by_columns(function, group, _messages(group.rollout.prompt), turns)


def _call_easyr1(function: Callable[..., Any], group: GradedGroup) -> Any:
    """EasyR1's call; as there, ``REWARD_TYPE`` beside the function may say that it takes one."""
    inner = inspect.unwrap(getattr(function, "func", function))
    if getattr(inner, "__globals__", {}).get("REWARD_TYPE") == "sequential":
        return _call_easyr1_sequential(function, group)
    return [_overall(score) for score in function(_reward_inputs(group))]


def _call_easyr1_sequential(function: Callable[..., Any], group: GradedGroup) -> Any:
    return [_overall(function(one)) for one in _reward_inputs(group)]


CALLS: Mapping[RewardSignature, Caller] = {
    "sophia": _call_sophia,
    "group": _call_group,
    "trl": _call_trl,
    "trl_messages": _call_trl_messages,
    "easyr1": _call_easyr1,
    "easyr1_sequential": _call_easyr1_sequential,
}


def _by_columns(
    function: Callable[..., Any],
    group: GradedGroup,
    prompt_in_shape: object,
    completions_in_shape: Sequence[object],
) -> Any:
    """Call by name with lists as long as the group; the function gets those that it names."""
    completions = group.rollout.completions
    each = {"prompts": prompt_in_shape} | row_columns(group.rollout.prompt)
    offered: dict[str, Any] = {name: [value] * len(completions) for name, value in each.items()}
    offered["completions"] = list(completions_in_shape)
    offered["completion_ids"] = [list(completion.token_ids) for completion in completions]
    result = function(**_wanted(function, offered))
    return asyncio.run(result) if inspect.iscoroutine(result) else result


def _wanted(function: Callable[..., Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the arguments that the function names; all where it takes ``**columns``.

    Raises:
        UnusableError: it needs one that is not offered.
    """
    parameters = inspect.signature(function).parameters.values()
    missing = [
        p.name
        for p in parameters
        if p.name not in offered
        and p.default is p.empty
        and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    if missing:
        raise UnusableError(
            f"it needs the argument {missing[0]!r}; there are {', '.join(sorted(offered))}"
        )
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return dict(offered)
    return {p.name: offered[p.name] for p in parameters if p.name in offered}


def row_columns(prompt: Prompt) -> dict[str, Any]:
    """The row of a prompt as far as it is known, by the data's own column names.

    Under our names too, and the gold answer as ``answer``, ``solution`` and ``ground_truth``, where
    the row has no other column of that name.
    """
    ours: dict[str, Any] = {
        "answer": prompt.answer,
        "problem": prompt.shown_question,
        "problem_type": prompt.problem_type,
        "options": dict(prompt.options),
        "tolerance": prompt.tolerance,
        "uid": prompt.uid,
        "images": [media.source for media in prompt.media],
    }
    own = {name: ours[meaning] for meaning, name in prompt.columns.items() if meaning in ours}
    kept = {name: value for name, value in prompt.metadata.items() if name != "origin"}
    return {**dict.fromkeys(_GOLD_NAMES, prompt.answer), **ours, **own, **kept}


def _messages(prompt: Prompt) -> list[dict[str, Any]]:
    """The chat as TRL hands it out: texts, or lists of blocks where the prompt has images."""
    if not prompt.media:
        return [{"role": m.role, "content": m.text} for m in prompt.messages]
    return [
        {"role": m.role, "content": [_block(part) for part in m.content]} for m in prompt.messages
    ]


def _block(part: str | Media) -> dict[str, Any]:
    if isinstance(part, Media):
        return {"type": "image", "image": part.source}
    return {"type": "text", "text": part}


def _reward_inputs(group: GradedGroup) -> list[dict[str, Any]]:
    return [
        {
            "response": completion.text,
            "response_length": len(completion.token_ids),
            "ground_truth": group.rollout.prompt.answer,
        }
        for completion in group.rollout.completions
    ]


def _overall(score: Any) -> Any:
    if not isinstance(score, Mapping) or "overall" not in score:
        raise UnusableError(
            f"it returned {shown(score)} for a completion, expected a dict with 'overall'"
        )
    return score["overall"]


def shown(value: object) -> str:
    """A value in an error message: its type and its beginning."""
    return f"{type(value).__name__} {str(value)[:60]!r}"
