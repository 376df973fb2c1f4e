"""The tables of other programs' keys and values in docs/algorithms.md, made of other_names.yaml.

``python -m tests.cli.migration_table`` writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sophia.cli.command_line import other_names
from sophia.cli.command_line.other_names import OtherName, table
from sophia.cli.commands import ROOT

DOCUMENT = ROOT / "docs" / "algorithms.md"
_MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rendered(document: str) -> str:
    """The document with every marked table written anew."""
    tables = {"keys": _keys, "values": _values, "former": _former}
    return _MARKED.sub(lambda match: f"{match[1]}{tables[match[2]]()}{match[3]}", document)


def _keys() -> str:
    rows: list[tuple[str, ...]] = []
    sections = dict(_sections())
    for entry in table():
        if entry.key in sections:
            rows.append((f"**{sections[entry.key]}**", "", "", "", ""))
        if not _of_others(entry):
            continue
        needs = f"with {_code([entry.needs])}" if entry.needs else ""
        said = "; ".join(part for part in (needs, entry.note) if part)
        names = (_code(entry.trl), _code(entry.verl), _code(entry.other))
        rows.append((_code([entry.key]), *names, said))
    return _markdown(("here", "TRL", "EasyR1 (`worker`), verl", "elsewhere", "note"), rows)


def _sections() -> Iterator[tuple[str, str]]:
    """The first key below each heading of the file, and the heading."""
    text = Path(other_names.__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    for heading, key in re.findall(r"^# ([^\n]+)\.\n([\w.]+):$", text, re.MULTILINE):
        yield key, heading


def _values() -> str:
    rows = []
    for entry in table():
        ends = _code(dict.fromkeys(name.rpartition(".")[2] for name in _of_others(entry)))
        for place, (value, typed) in enumerate(entry.values.items()):
            rows.append(("" if place else ends, _code([value]), _code([typed])))
    return _markdown(("their key", "their value", "here"), rows)


def _of_others(entry: OtherName) -> tuple[str, ...]:
    return (*entry.trl, *entry.verl, *entry.other)


def _former() -> str:
    rows = [(_code(entry.former), _code([entry.key])) for entry in table() if entry.former]
    return _markdown(("before", "now"), rows)


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _markdown(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "".join(f"{line}\n" for line in lines)


def main() -> None:
    """Write the tables into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(rendered(text), encoding="utf-8")


if __name__ == "__main__":
    main()
