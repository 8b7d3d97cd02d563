# ReCAM Studio for a processor:        docker build -t recam-studio .
# for a graphics card (CUDA's torch):  docker build -t recam-studio --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126 .
FROM python:3.12-slim

# torch and torchvision come from one index, before everything else, so that what follows keeps them
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir torch torchvision --index-url "$TORCH_INDEX"

WORKDIR /source
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN pip install --no-cache-dir --no-deps . && rm -rf /source/*

RUN useradd --create-home --uid 1000 studio && install -d -o studio -g studio /data/runs /data/models
USER studio
WORKDIR /data
ENV RECAM_RUNS=/data/runs RECAM_MODELS=/data/models PYTHONUNBUFFERED=1 OMP_WAIT_POLICY=PASSIVE
VOLUME ["/data/runs", "/data/models"]

EXPOSE 8501
# the prefix of a proxy is part of the path, as it is for browsers: STREAMLIT_SERVER_BASE_URL_PATH
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s CMD ["python", "-c", \
    "import os, urllib.request as web; base = os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'); web.urlopen('http://127.0.0.1:8501/' + base + '/' * bool(base) + 'api/health', timeout=4)"]
CMD ["recam", "app", "--", "--server.headless=true"]
