# Stands in for ghcr.io/versity/versitygw:v1.8.0: moto is also an S3 server, but keeps all in memory and accepts all keys.
FROM python:3.11-slim-bookworm
COPY requirements.txt .
RUN sed --in-place 's/ *\\$//; /--hash/d' requirements.txt \
    && pip install --no-cache-dir --only-binary :all: --constraint requirements.txt "moto[server]"
COPY store.py .
COPY wget.sh /usr/local/bin/wget
ENTRYPOINT ["python", "store.py"]
