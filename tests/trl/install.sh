#!/usr/bin/env bash
# The environment of `make test-trl`: this project and TRL.
#   tests/trl/install.sh PATH/TO/ENVIRONMENT/bin/python
set -euo pipefail
python=${1:?usage: tests/trl/install.sh PATH/TO/ENVIRONMENT/bin/python}
here=$(cd "$(dirname "$0")" && pwd)
constraints=$here/../../constraints.txt

"$python" -m pip install -q -c "$constraints" torch
"$python" -m pip install -q -c "$constraints" -e "$here/../..[dev]" "trl==1.16.0" "torchvision==0.28.0"

# TRL's image processor imports torchvision, of which there is no CPU build.
site=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
cp "$here/../vllm/declare_torchvision_ops.py" "$site/"
echo "import declare_torchvision_ops" > "$site/declare_torchvision_ops.pth"
"$python" -c "import torchvision, trl"
