"""Without a judge there is no thinking reward: what goes with it, and what is refused then."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf, open_dict

_KEYS = ("annealing", "reward.trust", "reward.thinking")
_MEASURE = "callbacks.validation.metric"
_REMEDY = (
    "choose a judge (judge=http, with reward=paper annealing=exponential), or leave it away"
    " (reward=outcome annealing=none has no thinking reward)."
)


def take_judge_away(cfg: DictConfig, typed: Sequence[str]) -> None:
    """Where ``judge=none`` was typed, the recipe's thinking reward, trust and annealing go with it.

    What was itself typed stays, for ``check_thinking`` to refuse. ``typed`` is the command line.
    """
    if "judge=none" not in typed:
        return
    whole_reward = any(word.startswith("reward=") for word in typed)
    with open_dict(cfg):
        if not _about("annealing", typed):
            cfg.annealing = None
        if not (whole_reward or _about("reward.thinking", typed)):
            cfg.reward.thinking = None
        if not (whole_reward or _about("reward.trust", typed)):
            cfg.reward.trust = False


def _about(key: str, typed: Sequence[str]) -> list[str]:
    """The words that set a key or something in it."""
    names = [word.lstrip("+~").partition("=")[0] for word in typed]
    return [w for w, n in zip(typed, names, strict=True) if n == key or n.startswith(f"{key}.")]


def check_thinking(cfg: DictConfig, typed: Sequence[str] = ()) -> None:
    """Refuse settings of a thinking reward where there is no judge, or no weight.

    Raises:
        ValueError: naming the first of annealing, reward.trust and reward.thinking that is set, in
            a file or in ``typed``.
    """
    if cfg.judge and cfg.reward.thinking and not cfg.annealing:
        raise ValueError(
            "reward.thinking has no weight (annealing=none); choose annealing=exponential, or"
            " reward=outcome, which has no thinking reward."
        )
    if cfg.judge:
        return
    if OmegaConf.select(cfg, _MEASURE) == "thinking":
        raise no_judge_for(f"{_MEASURE}=thinking")
    for key in _KEYS:
        said = [word for word in _about(key, typed) if word != "annealing=none"]
        if said or OmegaConf.select(cfg, key):
            raise no_judge_for(said[0] if said else key)


def no_judge_for(what: str) -> ValueError:
    """The error that names what was said about a thinking reward without a judge."""
    return ValueError(
        f"{what} is about the thinking reward, but there is no judge to give one (judge=none):"
        f" {_REMEDY}"
    )


def thinking_in_words(cfg: DictConfig) -> str:
    """What becomes of the thinking in this run, for the table before the first step."""
    if not cfg.judge:
        return "not judged"
    if not cfg.reward.thinking:
        return "judged in evaluations, not rewarded (reward=paper)"
    return "rewarded, weighted by trust" if cfg.reward.trust else "rewarded, without trust"
