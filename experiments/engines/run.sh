#!/usr/bin/env bash
# The quick start with both engines, seeds 0, 1, 2. From the project's root, in the environment of
# `make test-vllm`:
#   experiments/engines/run.sh [python]
# A finished run is not repeated; an interrupted one goes on.
set -euo pipefail
python=${1:-.venv-vllm/bin/python}
export OMP_NUM_THREADS=1 TORCH_COMPILE_DISABLE=1
for seed in 0 1 2; do
  for experiment in quickstart quickstart_vllm; do
    folder=outputs/studies/engines/$experiment-$seed
    [ -f "$folder/run.json" ] && continue
    resume=$([ -f "$folder/config.yaml" ] && echo true || echo false)
    "$python" train.py experiment=$experiment seed=$seed run_dir="$folder" resume="$resume"
  done
done
"$python" experiments/engines/analyze.py outputs/studies/engines
