#!/usr/bin/env bash
# A few steps of the 3B recipe with random weights on one GPU. OUT takes some 10 GB.
# Further arguments are overrides: bash experiments/gpu/run.sh /tmp/gpu trainer.devices=8
set -euo pipefail
cd "$(dirname "$0")/../.."
OUT=${1:?usage: run.sh OUT [key=value ...]}
shift
PYTHON=${PYTHON:-python}
[ -d "$OUT/model" ] || $PYTHON experiments/gpu/prepare.py "$OUT"
$PYTHON train.py experiment=sophiavl_3b model.path="$OUT/model" data=rows \
    data.train.sources.files.mine="$OUT/rows/rows.json" judge=constant \
    data.heldout.limit=16 prompt_limits=sophiavl prompt_limits.min_pixels=784 rollout=transformers \
    trainer.devices=1 num_steps=6 prompts_per_step=8 num_generations=8 sampling.max_new_tokens=256 \
    callbacks.checkpoint.every_n_steps=100 run_dir="$OUT/run" "$@"
$PYTHON experiments/gpu/show.py "$OUT/run/metrics.csv"
