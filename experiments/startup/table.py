"""results.csv -> the README's table."""

from __future__ import annotations

import csv
from pathlib import Path

HERE = Path(__file__).parent
BEGIN, END = "<!-- table -->\n", "<!-- end -->"


def main() -> None:
    with (HERE / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    codes = list(dict.fromkeys(row["code"] for row in rows))
    lines = [f"| processor seconds | {' | '.join(codes)} |", "|---" * (len(codes) + 1) + "|"]
    for command in dict.fromkeys(row["command"] for row in rows):
        cells = [
            ", ".join(r["cpu_s"] for r in rows if (r["code"], r["command"]) == (code, command))
            for code in codes
        ]
        lines.append(f"| {command} | {' | '.join(cells)} |")
    readme = HERE / "README.md"
    head, _, rest = readme.read_text().partition(BEGIN)
    readme.write_text(head + BEGIN + "\n".join(lines) + "\n" + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
