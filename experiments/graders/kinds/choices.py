"""Pairs of multiple choice, by letter, with an explanation, by value; and of yes or no."""

from __future__ import annotations

from random import Random

from experiments.graders.kinds.draw import Draw, Kind, other

WORDS = ["dog", "cat", "horse", "rabbit", "parallel lines", "a circle", "Evelyn", "the red car"]
REASONS = [
    "The two angles are equal.",
    "The sum of the angles in a triangle is 180 degrees.",
    "It follows from the similarity of the triangles.",
    "Because both sides have the same length.",
    "This follows from the figure.",
]
LETTER = [
    "{}",
    "{}",
    "({})",
    "{}.",
    "{})",
    "**{}**",
    "\\boxed{{{}}}",
    "\\text{{{}}}",
    "$\\boxed{{\\text{{{}}}}}$",
    "Option {}",
    "option {}.",
    "The answer is {}",
    "The correct answer is ({}).",
    "The correct option is {}.",
    "Answer: {}",
    "答案是{}",
    "选{}",
    " {}\n",
]
EXPLAINED = [
    "{letter}\n\n{reason}",
    "{letter}. {reason}",
    "{letter}: {reason}",
    "Looking at the figure, {letter}",
    "Looking at the figure, the answer is {letter}.",
    "{reason} So the answer is {letter}.",
    "{reason} Therefore, {letter}.",
    "{letter}. The others, {others}, are too small",
    "The answer is {letter}, because {others} are too large.",
    "{letter}, not {rival}",
    "{rival} is wrong, so the answer is {letter}.",
]


def _letters(random: Random) -> list[str]:
    return list("ABCDE"[: random.choice([3, 4, 4, 4, 5])])


def _values(random: Random, letters: list[str]) -> dict[str, str]:
    numbers = random.sample(range(10, 180, 5), len(letters))
    return dict(zip(letters, map(str, numbers), strict=True))


def _words(random: Random, letters: list[str]) -> dict[str, str]:
    return dict(zip(letters, random.sample(WORDS, len(letters)), strict=True))


def _choice(gold: str, answer: str, options: dict[str, str]) -> Draw:
    return Draw(gold=gold, answer=answer, problem_type="multiple choice", options=options)


def letters(random: Random, right: bool) -> Draw:
    """A letter, bare, in brackets or in a phrase; wrong: another letter, or several."""
    names = _letters(random)
    options = random.choice([_values, _words])(random, names)
    gold = random.choice(names)
    rival = other(random, gold, names)
    answer = random.choice(LETTER).format(gold if right else rival)
    if not right and random.random() < 0.3:
        both = sorted([gold, rival])
        answers = ["{} and {}", "{} or {}", "{}, {}", "{}{}", "Both {} and {}", "Either {} or {}"]
        answer = random.choice(answers).format(*both)
    return _choice(gold, answer, options)


def explained(random: Random, right: bool) -> Draw:
    """A letter with a reason before or behind it, which may name the other letters."""
    names = _letters(random)
    gold = random.choice(names)
    letter = gold if right else other(random, gold, names)
    others = [name for name in names if name != letter]
    listed = f"{', '.join(others[:-1])} and {others[-1]}"
    rival = random.choice(others) if right else gold
    text = random.choice(EXPLAINED)
    answer = text.format(letter=letter, others=listed, reason=random.choice(REASONS), rival=rival)
    return _choice(gold, answer, _words(random, names) if random.random() < 0.8 else {})


def option_values(random: Random, right: bool) -> Draw:
    """The value of the option, with or without its letter; wrong: another's, a contradiction."""
    names = _letters(random)
    bare = _values(random, names)
    gold = random.choice(names)
    rival = other(random, gold, names)
    unit = random.choice(["°", "°", "", " cm"])
    options = {name: f"{value}{unit}" for name, value in bare.items()}
    spelled = {"°": " degrees", "": ".0", " cm": "cm"}[unit]
    letter, value = (gold, bare[gold]) if right else (rival, bare[rival])
    answers = [
        options[letter],
        f"{value}{spelled}",
        value,
        f"{letter} = {value}{unit}",
        f"{letter}. {value}{unit}",
        f"{letter}. {value}",
        f"({letter}) {value}{unit}",
        f"{letter}: {value}{unit}",
        f"{letter}) {value}{spelled}",
        f"The answer is {value}{unit}.",
        f"\\boxed{{{value}}}",
    ]
    if not right:
        answers += [f"{gold}. {value}", f"{rival}. {bare[gold]}", f"{gold} = {value}{unit}"] * 2
        answers += [f"({gold}) {value}{unit}", f"{int(bare[gold]) + 1}{unit}"]
    return _choice(gold, random.choice(answers), options)


def option_words(random: Random, right: bool) -> Draw:
    """The words of the option, with or without its letter; wrong: another's, a contradiction."""
    names = _letters(random)
    options = _words(random, names)
    gold = random.choice(names)
    letter = gold if right else other(random, gold, names)
    text = options[letter]
    answers = [text, f"{text}.", f"{letter}. {text}", f"({letter}) {text}", f"{letter}: {text}"]
    answers += [text.upper() if not text.startswith("a ") else text, f"**{letter}. {text}**"]
    if not right:
        answers += [f"{gold}. {text}", f"({gold}) {text}"]
    return _choice(gold, random.choice(answers), options)


def yes_no(random: Random, right: bool) -> Draw:
    """Yes or no with an explanation or in other words; wrong: the other one, or both."""
    gold = random.choice(["yes", "no"])
    side = gold if right else {"yes": "no", "no": "yes"}[gold]
    answers = {
        "yes": [
            "Yes",
            "yes",
            "Yes.",
            "YES",
            "**Yes**",
            "\\boxed{Yes}",
            "Yes, there are no clouds",
            "Yes, it is.",
            "Yes, because the lines are not parallel.",
            "Yeah",
            "Yep",
            "The answer is yes.",
            "Yes. No other point is on the line.",
        ],
        "no": [
            "No",
            "no",
            "No.",
            "NO",
            "**No**",
            "\\boxed{No}",
            "No, there are clouds",
            "No, it is not.",
            "No, because the lines are parallel.",
            "Nope",
            "The answer is no.",
            "No. The answer would be yes if the lines were parallel.",
        ],
    }[side]
    if not right and random.random() < 0.25:
        answers = [
            "Yes and no",
            "yes or no",
            "Maybe",
            "I'm not sure",
            "Either yes or no",
            "unknown",
        ]
    written = random.choice([gold, gold.capitalize()])
    return Draw(gold=written, answer=random.choice(answers), problem_type="yes/no")


KINDS: dict[str, Kind] = {
    "choice letters": letters,
    "choice with explanation": explained,
    "choice values": option_values,
    "choice words": option_words,
    "yes or no": yes_no,
}
