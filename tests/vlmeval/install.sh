#!/usr/bin/env bash
# The environment of `make test-vlmeval`: VLMEvalKit's scorer, without the models and services around it.
#   tests/vlmeval/install.sh PATH/TO/ENVIRONMENT/bin/python
set -euo pipefail
python=${1:?usage: tests/vlmeval/install.sh PATH/TO/ENVIRONMENT/bin/python}
here=$(cd "$(dirname "$0")" && pwd)
constraints=$here/../../constraints.txt

# What its scorer imports, and what our benchmarks and their tests do; no torch. It declares sixty
# packages more.
"$python" -m pip install -q -c "$constraints" \
  filelock huggingface_hub hydra-core jiwer "math-verify[antlr4-9-3]" mathruler pandas pillow pyarrow \
  pylatexenc pytest python-dotenv rapidfuzz requests rich rouge-score scikit-learn tabulate tqdm \
  openpyxl==3.1.5 sty==1.0.6 validators==0.36.0 xlsxwriter==3.3.1
"$python" -m pip install -q --no-deps ms-vlmeval==0.0.20
cd "$here/../.."
"$python" -c "import tests.vlmeval.scorer, sophia.benchmarks.rules.verified"
