#!/usr/bin/env bash
# Three shapes, three systems, five repeats, one process at a time. From the project's root:
#   experiments/speed/run.sh [python]
# What has finished is not repeated. TRL gets an environment of its own.
set -euo pipefail
python=${1:-python}
study=outputs/studies/speed
trl=$study/venv-trl/bin/python
export OMP_NUM_THREADS=1
if [ ! -f $study/venv-trl/.installed ]; then
  "$python" -m venv $study/venv-trl
  # torch comes first and alone: its pinned build must be there before others ask for any.
  $trl -m pip install -q torch==2.13.0
  $trl -m pip install -q torch==2.13.0 torchvision==0.28.0 pillow "trl==${TRL_VERSION:-1.16.0}"
  # TRL's image processor imports torchvision, of which there is no CPU build.
  site=$($trl -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  cp tests/vllm/declare_torchvision_ops.py "$site/"
  echo "import declare_torchvision_ops" > "$site/declare_torchvision_ops.pth"
  $trl -c "import torchvision, trl"
  touch $study/venv-trl/.installed
fi
[ -f $study/rows/long/rows.jsonl ] || "$python" -m experiments.speed.prepare
"$python" -m experiments.speed.study "${REPEATS:-5}"
"$python" -m experiments.speed.analyze
"$python" -m experiments.speed.linear
"$python" -m experiments.speed.linear_picture
