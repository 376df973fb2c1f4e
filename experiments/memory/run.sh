#!/usr/bin/env bash
# Host memory over 200 RL steps, and over 600: five runs of two to five minutes. From the project's root:
#   experiments/memory/run.sh [python]
# A finished run is not repeated; an interrupted one goes on.
set -euo pipefail
python=${1:-python}
export OMP_NUM_THREADS=1

measure() { # name, overrides
  folder=outputs/studies/memory/$1
  shift
  [ -f "$folder/run.json" ] && return
  resume=$([ -f "$folder/config.yaml" ] && echo true || echo false)
  "$python" train.py num_steps=${steps:-200} prompts_per_step=4 num_generations=4 \
    data.heldout.num_prompts=16 run_dir="$folder" resume="$resume" "$@"
}

sharded=(experiment=sophiavl_7b_cpu callbacks.checkpoint.every_n_steps=20)
measure quickstart
steps=600 measure quickstart_long
measure sharded_float32 "${sharded[@]}" trainer.strategy.compute_dtype=float32
measure sharded_bfloat16 "${sharded[@]}"
ONEDNN_MAX_CPU_ISA=AVX2 measure sharded_bfloat16_no_kernels "${sharded[@]}"
"$python" experiments/memory/analyze.py outputs/studies/memory
"$python" experiments/memory/shapes.py
