"""Rows on which two scorers might differ: templates x changes, drawn by a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import TypeVar

T = TypeVar("T")

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TEXTS = (
    "cat", "black cat", "Cat", "the cat", "A", "a", "B", "z", "none", "None of the above", "nan",
    "4", "4.0", "12", "120", "1,000", "3/4", "0.75", "50%", "-5", "1e3", "yes", "No", "left",
    "the left side", "naïve café", "北京", "ＡＢ", "x = 5", r"\frac{1}{2}", "$5", "answer is b",
    "Other Answers", "İstanbul", "ß", "option C", "a " * 40, "both A and B",
)  # fmt: skip
REFUSALS = (
    "Sorry, I can't help with images of people yet.", "I can't process this file.",
    "I'm sorry, but without the image provided I cannot say", "Cannot determine the answer",
    "cannot determine the answer", "Failed to obtain answer via API.", "I cannot help with that.",
)  # fmt: skip
SAYINGS = (
    "{L}", "{l}", "({L})", "{L}.", "{L}. {T}", "{L}: {T}", "{L} {T}", "{T}", "{t}", "{T}.",
    "${L}$", r"\boxed{{{L}}}", r"$\boxed{{\text{{{L}}}}}$", "**{L}**", "**{L}. {T}**", "[{L}]",
    "#{L}", "{L}{M}", "{L}, {M}", "{L} or {M}", "not {L} but {M}", "{L} and {T}", "{T} or {U}",
    "A {T}", "The answer is {L}", "The correct answer is **{L}**.", "answer is {l}", "Answer: {L}",
    "答案是{L}", "答案 {L}", "the answer is a {T}", "Option {L}", "option{L}",
    "{L} because {T} is not {U}", "<answer>{L}</answer>", "<think>{M} or {L}?</think> {L}",
    "{L}\n{L}", "{M}\n\n{L}", "Z", "Z {L}", "None", "nan", "", " ", "I see {T}, so {L}",
    "{L}，因为{T}", "{L}'s", '"{L}"', "`{L}`", "{L}-{M}", "{T}{U}", "It is {T}, not {U}.",
    "{L}){T}",
)  # fmt: skip
FILLER = ("so", "the", "picture", "shows", "an", "animal", "on", "a", "table", "near", "it")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRow:
    """Options, which of them is right, and an answer."""

    options: Mapping[str, str]
    gold: str
    answer: str


def choice_rows(count: int, *, seed: int) -> Sequence[ChoiceRow]:
    """So many different ones."""
    return _different(count, _choice_row, seed=seed)


def yes_no_answers(count: int, *, seed: int) -> Sequence[str]:
    """So many different ones."""
    return _different(count, _yes_no_answer, seed=seed)


def chart_rows(count: int, *, seed: int) -> Sequence[tuple[str, str]]:
    """So many different gold answers with an answer."""
    return _different(count, _chart_row, seed=seed)


def _different(count: int, draw: Callable[[Random], T], *, seed: int) -> Sequence[T]:
    def drawn() -> Iterator[T]:
        random, seen = Random(seed), set[str]()
        while True:
            row = draw(random)
            if repr(row) not in seen:
                seen.add(repr(row))
                yield row

    return [*islice(drawn(), count)]


def _choice_row(random: Random) -> ChoiceRow:
    letters = LETTERS[: random.choice((2, 3, 4, 4, 4, 4, 5, 10, 26))]
    if len(letters) > 2 and random.random() < 0.15:  # an option that its file spelled None
        letters = letters.replace(random.choice(letters), "")
    options = {letter: random.choice(TEXTS) for letter in letters}
    letter, other = random.sample(letters, 2)
    said = random.choice(SAYINGS).format(
        L=letter, l=letter.lower(), M=other, T=options[letter], t=options[letter].upper(),
        U=options[other],
    )  # fmt: skip
    return ChoiceRow(
        options=options, gold=random.choice((letter, other)), answer=_changed(said, random)
    )


def _changed(said: str, random: Random) -> str:
    """With words around it, a refusal, another case, or other blanks; often as it is."""
    said = " ".join((*_filler(random), said, *_filler(random)))
    change = random.randrange(12)
    if change == 0:
        return f"{random.choice(REFUSALS)} {said}"
    if change == 1:
        return f"{said} {random.choice(REFUSALS)}"
    if change == 2:
        return random.choice((said.upper(), said.lower(), said.title()))
    if change == 3:
        return said.replace(" ", random.choice(("\n", "\t", "  ", "\u00a0", "\u3000", "\u200b")))
    if change == 4:
        return random.choice(("{}!", "*{}*", "[{}]", "{}:", " {} ", "#{}#", "'{}'")).format(said)
    if change == 5:
        return f"{random.choice(TEXTS)} {said}"
    return said


def _filler(random: Random) -> Sequence[str]:
    return random.choices(FILLER, k=random.choice((0, 0, 0, 2, 3, 4, 5)))


_YES_NO_WORDS = (
    "yes", "Yes", "YES", "no", "No", "NO", "know", "not", "yeah", "nope", "it", "is",
    "the answer is", "1,000", "3.5", "2.", "...", "是", "ｙｅｓ", "yesterday", "nothing", "",
    "yes", "no",
)  # fmt: skip
_YES_NO_JOINTS = (
    " ", ", ", ",", ". ", ".", "; ", ";", "/", " / ", "-", "_", "\n", "\t", "! ", "!", "?", ": ",
    ":", "*", "**", "'", '"', ' "', "(", ") ", " (", ")", "[", "] ", "{", "}", "=", "+", "\\", ">",
    " <", "@", "`", "$", "", "\u00a0", "\u2019", "。", "，",
)  # fmt: skip


def _yes_no_answer(random: Random) -> str:
    pieces = [random.choice(_YES_NO_JOINTS) if random.random() < 0.3 else ""]
    for _ in range(random.choice((1, 1, 2, 2, 3, 4))):
        pieces += [random.choice(_YES_NO_WORDS), random.choice(_YES_NO_JOINTS)]
    if random.random() < 0.3:
        pieces.pop()
    said = "".join(pieces)
    return ". " * random.randrange(28, 36) + said if random.random() < 0.05 else said


_CHART_TEXTS = (
    "Yes", "No", "Red", "dark green", "2008", "[2008, 2010]", "[Yes, No]", "['a', 'B']", "[]",
    "[1.5]", "nan", "inf", "-inf", "None", "", "France", "É", "ß", "٣", "５", "1,000", "1_000",
    "$5", "5 %", "%", "%%", "5%%", "1e3", "1E-2", "0x10", "1/2", "0", "0.0", "-0", "0%", "0e0",
    "12%", "0.12", "5 cm", "[", "[1, 2", "(1, 2)", "{1}", "İ",
)  # fmt: skip


def _chart_row(random: Random) -> tuple[str, str]:
    if random.random() < 0.4:
        gold = random.choice(_CHART_TEXTS)
        said = random.choice((gold, gold, random.choice(_CHART_TEXTS)))
        return gold, _respelled(said, random)
    number = random.choice((0.0, 1.0, 5.0, 0.12, 100.0, 1000.0, -20.0, 2008.0, 1e6, 3.75, 1e-3))
    near = number * random.choice((1.0, 1.05, 0.95, 1.0500001, 0.9499999, 1.049, 1.2, -1.0))
    gold = f"{number:g}" + random.choice(("", "", "", "%"))
    spelled = (
        f"{near:g}", repr(near), f"{near:.2f}", f"{near:,.2f}", f"{near:e}", f"{near:g}%",
        f"{near * 100:g}%", f"{near / 100:g}", f"+{near:g}",
    )  # fmt: skip
    return gold, _respelled(random.choice(spelled), random)


def _respelled(said: str, random: Random) -> str:
    frames = (
        "{}",
        "{}",
        "{}",
        "{}",
        " {}",
        "{}\n",
        "{}.",
        "${}",
        "**{}**",
        "{} %",
        "about {}",
        "'{}'",
    )
    said = random.choice(frames).format(said)
    return random.choice((said, said, said.upper(), said.lower(), said.swapcase()))
