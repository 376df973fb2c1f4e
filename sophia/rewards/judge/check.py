"""Is the configured judge there, and does it tell sound reasoning from unsound?"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from PIL import Image, ImageDraw

from sophia.chat.failure import CallFailedError
from sophia.chat.step import Probe
from sophia.rewards.judge.http import HTTPJudge
from sophia.types import Completion, Media, Message, Prompt

log = logging.getLogger(__name__)

GOOD = (
    "<think>I look for red squares in the picture. There is one on the left, one in the middle and"
    " one on the right. I see no other shape, so there are 3 red squares.</think><answer>3</answer>"
)
BAD = (
    "<think>The picture shows seven green circles. Circles have four corners, so seven circles are"
    " nine triangles. Nine minus seven is five, and 五 is more than four. Nine minus seven is five."
    " Nine minus seven is five. Therefore the sky is a red square and I guess 3.</think>"
    "<answer>3</answer>"
)
"""The same right answer as GOOD: only the reasoning tells them apart."""

_ADVICE = {
    "auth": "The server refuses the key. Set judge.api_key (OPENAI_API_KEY) to the one that it was"
    " started with; a server started without one takes any.",
    "not_found": "Something answers there, but it serves no chat completions at that path. The"
    " address has to be http://HOST:PORT/v1, with or without /chat/completions: judge.url"
    " (OPENAI_API_URL).",
    "model_not_found": "The server does not know the model. Set judge.model (REWARD_MODEL) to a"
    " name that it serves.",
    "connect": "Nobody listens there. Is the server up (loading a model takes minutes), and are"
    " host and port of judge.url (OPENAI_API_URL) right?",
    "cut": "The connection broke off. Is it http where the server wants https, or a proxy in"
    " between? Otherwise see the server's log.",
    "bad_body": "What answers there is no chat-completions server. Check judge.url"
    " (OPENAI_API_URL).",
    "timeout": "No reply in time. The server may be loading or overloaded; otherwise raise"
    " judge.calls.timeout_s.",
    "rate_limited": "The server limits the rate. Lower judge.calls.max_concurrent, or wait.",
    "server_error": "The server fails at the request. See its log.",
    "bad_request": "The server refuses the request itself. Does the model take images, and is its"
    " context (--max-model-len) long enough?",
    "truncated": "The reply was cut at the length limit before it was complete. Raise"
    " judge.calls.max_tokens: a model that thinks first needs a few thousand.",
}
_NO_NUMBER = (
    "The server answers, but not with one number in [0, 1], so nothing would be scored. Set"
    " judge.calls.structured=always if the server can bind replies to a schema, or serve another"
    " model."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCheck:
    """What came back for a good and for a bad reasoning that end in the same right answer."""

    url: str
    model: str
    served: tuple[str, ...]
    """The models that the server lists; empty if it lists none."""
    good: Probe[float]
    bad: Probe[float]
    diagnosis: str

    @property
    def fit(self) -> bool:
        """Whether the judge scores both and prefers the good one."""
        good, bad = self.good.answer, self.bad.answer
        return good is not None and bad is not None and good > bad

    def report(self) -> str:
        """The check as lines of text for a terminal."""
        lines = [
            f"judge    {self.model} at {self.url}",
            f"serves   {', '.join(self.served) or 'no list of models'}",
            f"good     {_line(self.good)}",
            f"bad      {_line(self.bad)}",
            f"verdict  {self.diagnosis}",
        ]
        return "\n".join(lines)


def check_judge(judge: HTTPJudge) -> JudgeCheck:
    """Ask the judge about two reasonings on a drawn image, once each and without its cache."""
    prompt = _prompt()
    good, bad = (judge.probe(prompt, _completion(text)) for text in (GOOD, BAD))
    served = _served(judge)
    return JudgeCheck(
        url=judge.chat.url, model=judge.chat.model, served=served, good=good, bad=bad,
        diagnosis=_diagnosis(judge.chat.model, served, good, bad),
    )  # fmt: skip


def ping(judge: HTTPJudge) -> None:
    """Ask the judge about one reasoning, before a run begins that needs it.

    One that answers without a score is warned about: the run's breaker counts such replies.

    Raises:
        ValueError: no reply came; says why, and what to do.
    """
    probe = judge.probe(_prompt(), _completion(GOOD))
    if probe.answer is not None:
        return
    if probe.reply:
        log.warning("the %r answered without a score: %r", judge, probe.reply[:200])
        return
    served = () if probe.reason == "connect" else _served(judge)
    raise ValueError(
        f"the judge {judge.chat.model!r} at {judge.chat.url} does not answer:"
        f" {_diagnosis(judge.chat.model, served, probe, probe)} `python -m sophia judge-check` asks"
        " again; judge=none does without."
    )


def _served(judge: HTTPJudge) -> tuple[str, ...]:
    try:
        return judge.chat.model_names()
    except CallFailedError:  # not every server lists its models
        return ()


def _diagnosis(model: str, served: tuple[str, ...], good: Probe[float], bad: Probe[float]) -> str:
    failed = next((probe for probe in (good, bad) if probe.answer is None), None)
    if failed is not None:
        reason = failed.reason
        if reason == "not_found" and served and model not in served:
            reason = "model_not_found"
        advice = _ADVICE.get(reason, _NO_NUMBER)
        return f"{reason}: {advice}" + (f" It said: {failed.detail}" if failed.detail else "")
    assert good.answer is not None
    assert bad.answer is not None
    if good.answer > bad.answer:
        return "fit: it scores both and prefers the sound reasoning"
    return (
        f"it answers, but does not prefer sound reasoning ({good.answer:g} against {bad.answer:g}):"
        " its scores would be noise. Serve another model."
    )


def _line(probe: Probe[float]) -> str:
    seconds = f"{probe.latency_s:.2f} s"
    if probe.answer is not None:
        return f"{probe.answer:g} in {seconds}"
    return f"no score ({probe.reason}) in {seconds}" + (f": {probe.reply!r}" if probe.reply else "")


def _prompt() -> Prompt:
    question = "How many red squares are in the picture?"
    return Prompt(
        uid="judge-check",
        messages=(Message(role="user", content=(Media(source=_squares()), question)),),
        answer="3",
        problem_type="numerical",
    )


def _squares() -> Image.Image:
    picture = Image.new("RGB", (224, 112), "white")
    draw = ImageDraw.Draw(picture)
    for left in (24, 92, 160):
        draw.rectangle((left, 36, left + 40, 76), fill="red")
    return picture


def _completion(text: str) -> Completion:
    return Completion(text=text, token_ids=(), sampling_logps=(), finish_reason="stop", seed=0)
