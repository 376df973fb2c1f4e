#!/usr/bin/env bash
# Every preset on fresh seeds, then what leaving completions out saves; two runs at a time. From the project's root:
#   experiments/algorithms/run.sh [python]          the study        (seeds 10 to 14)
#   experiments/algorithms/run.sh pilots [python]   the pilots       (seeds 0 to 2)
#   experiments/algorithms/run.sh saving [python]   the time that is saved
# A finished run is not repeated; an interrupted one goes on.
set -euo pipefail
part=study
case ${1:-} in pilots | saving) part=$1; shift ;; esac
export python=${1:-python} OMP_NUM_THREADS=1 part
one() { # name, seed, overrides
  folder=outputs/studies/algorithms/$part/$1-$2
  [ -f "$folder/run.json" ] && return
  resume=$([ -f "$folder/config.yaml" ] && echo true || echo false)
  "$python" train.py "${@:3}" seed="$2" num_steps=150 callbacks.validation=null \
    algorithm.update.optimizer_steps_per_rollout=4 run_dir="$folder" resume="$resume" >/dev/null 2>"/tmp/algorithms-$1-$2.log" ||
    echo "$1-$2 failed: $(tail -n 1 "/tmp/algorithms-$1-$2.log")"
}
export -f one
many="prompts_per_step=128 num_generations=1" # as many completions for those that compare all of a step
jobs() {
  case $part in
  pilots)
    for seed in 0 1 2; do
      for lr in 5.0e-5 1.0e-4 2.0e-4 4.0e-4; do echo "grpo_$lr $seed algorithm=grpo_low_kl algorithm.optimizer.lr=$lr"; done
    done ;;
  saving)
    for seed in 10 11 12 13 14; do
      echo "left_out $seed reward=outcome algorithm=dr_grpo"
      echo "full $seed reward=outcome algorithm=dr_grpo algorithm.loss.entropy_coefficient=1.0e-12"
    done ;;
  study)
    for seed in 10 11 12 13 14; do
      for name in grpo_low_kl grpo dr_grpo dapo gspo cispo gmpo sapo rloo reinforce_pp_baseline lite_ppo maxrl gdpo; do
        echo "$name $seed algorithm=$name algorithm.optimizer.lr=$LR"
      done
      for name in reinforce_pp stable_reinforce; do echo "$name $seed algorithm=$name algorithm.optimizer.lr=$LR $many"; done
    done ;;
  esac
}
export LR=2.0e-4 # chosen in the pilots
jobs | xargs -P 2 -I {} bash -c 'one {}'
