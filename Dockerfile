# docker build -t sophia .
# docker run --gpus all --ipc=host -v $PWD/datasets:/opt/sophia/datasets -v $PWD/outputs:/opt/sophia/outputs \
#     -v $HOME/.cache/huggingface:/opt/huggingface sophia train.py experiment=sophiavl_7b
# Not built yet: no Docker engine was at hand.
FROM nvidia/cuda:12.8.1-devel-ubuntu24.04
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-dev python3-venv git && rm -rf /var/lib/apt/lists/*
ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH HF_HOME=/opt/huggingface
RUN python3 -m venv $VIRTUAL_ENV
WORKDIR /opt/sophia
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY sophia sophia
COPY configs configs
COPY train.py evaluate.py ./
# vLLM decides the version of torch.
RUN pip install --no-cache-dir -e '.[vllm,lora]'
ENTRYPOINT ["python"]
CMD ["-m", "sophia"]
