"""A process that judges 40 completions with a shared cache: ``python -m ... URL CACHE_PATH``."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

from sophia.metrics import values
from tests.rewards.judge_builders import completion, http_judge, image, prompt


def main(url: str, cache_path: str) -> None:
    """Write the scores and the metrics to standard output."""
    completions = [completion(f"{i} quality=0.{i:02}") for i in range(40)]
    with closing(http_judge(url, cache_path=Path(cache_path))) as judge:
        step = judge.open_step()
        scores = step.submit(prompt(images=(image(),)), completions).result()
        sys.stdout.write(json.dumps({"scores": scores, "metrics": values(step.metrics())}))


if __name__ == "__main__":
    main(*sys.argv[1:])
