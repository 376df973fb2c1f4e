"""What was probably meant by a word that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sophia.cli.command_line.other_names import OtherName, other_name, other_names

_ORDER = ("algorithm", "sampling", "model", "data", "prompt_limits", "annealing", "reward")
"""Whose key is meant when several end in what was typed."""


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The known word that is spelt most alike, or that begins so; "" where there is none."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=cutoff)
    begun = [w for w in words if len(word) > 2 and w.startswith(word)]
    return (close or begun or [""])[0]


def key_hint(key: str, known: Collection[str], *, value: str = "") -> str:
    """``did you mean 'algorithm.optimizer.lr'?`` for ``learning_rate``; "" without a guess.

    In this order: a name of TRL, EasyR1 or verl, also behind the right path of ours; a key beside
    it that is spelt alike; what ends in such a name; a key that as a whole is spelt alike; our keys
    that end in what was typed, those of the algorithm first; one deeper in the same block; any that
    is spelt alike.

    Args:
        key: the whole key that was typed, dotted.
        known: all keys of the configuration, dotted.
        value: what it was set to, where that is known.
    """
    named = other_name(key)
    if named is not None and not (named.key in known or (named.needs and named.root in known)):
        named = None  # no key of this command
    if named is not None and (key in other_names() or _parent(named.key) == _parent(key)):
        return said(named, value)
    if beside := _beside(key, known, cutoff=0.85):
        return f"did you mean {beside!r}?"
    if named is not None:
        return said(named, value)
    if "." in key and (whole := nearest(key, known, cutoff=0.9)):
        return f"did you mean {whole!r}?"
    if same_end := _ending_alike(key, known):
        return f"did you mean {' or '.join(map(repr, same_end[:3]))}?"
    if close := _below(key, known) or _beside(key, known, cutoff=0.6):
        return f"did you mean {close!r}?"
    if close := nearest(key, known, cutoff=0.8):
        return f"did you mean {close!r}?"
    misspelt = other_name(nearest(key, other_names(), cutoff=0.8))
    return said(misspelt, value) if misspelt is not None and misspelt.key in known else ""


def said(named: OtherName, value: str = "") -> str:
    """The hint that another program's name leads to, or its value where that has one here."""
    if typed := named.values.get(value.lower()):
        return f"did you mean {typed!r}?"
    needs = f" (with {named.needs})" if named.needs else ""
    note = f" {named.note[0].upper()}{named.note[1:]}." if named.note else ""
    return f"did you mean {named.key!r}{needs}?{note}"


def dotted_keys(path: str, node: Any) -> Iterator[str]:
    """Dotted names of all keys below ``path``, groups of keys included."""
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        name = f"{path}.{key}" if path else str(key)
        yield name
        yield from dotted_keys(name, value)


def _parent(key: str) -> str:
    return key.rpartition(".")[0]


def _beside(key: str, known: Iterable[str], *, cutoff: float) -> str:
    """The key of the same parent whose last part is spelt most alike; "" where there is none."""
    parent, dot, last = key.rpartition(".")
    siblings = [k.rpartition(".")[2] for k in known if _parent(k) == parent]
    close = nearest(last, siblings, cutoff=cutoff)
    return parent + dot + close if close else ""


def _below(key: str, known: Iterable[str]) -> str:
    """A key deeper in the block of what was typed, whose last part is spelt alike; "" without."""
    parent, dot, last = key.rpartition(".")
    deeper = {k.rpartition(".")[2]: k for k in known if dot and k.startswith(f"{parent}.")}
    return deeper.get(nearest(last, deeper, cutoff=0.8), "")


def _ending_alike(key: str, known: Iterable[str]) -> list[str]:
    """Keys whose last part is that of what was typed."""
    last = key.rpartition(".")[2]
    found = [k for k in known if k.rpartition(".")[2] == last]
    order = {name: place for place, name in enumerate(_ORDER)}
    return sorted(found, key=lambda k: (order.get(k.partition(".")[0], len(order)), k))
