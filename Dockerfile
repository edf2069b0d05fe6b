# Build the service: `docker build -t speech-emotion .`
# Build the training: `docker build --target training -t speech-emotion-training .`

# For a build that can be repeated years later, name the base by its digest: --build-arg BASE=python@sha256:…
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS base
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /srv/speech-emotion


FROM base AS training
COPY requirements/training.txt requirements/
RUN python -m venv /opt/venv \
    && pip install --no-cache-dir --require-hashes --only-binary :all: --requirement requirements/training.txt
COPY app app
COPY training training
USER 10001:10001
ENTRYPOINT ["python", "-m", "training"]
CMD ["--help"]


FROM base AS wheels
# The lock to install: `service`, or `tracing` or `bulk` for the service with an extra.
ARG REQUIREMENTS=service
COPY requirements/${REQUIREMENTS}.txt requirements/
# The environment has no pip. Unused tests, stubs and tools are removed. The rest is compiled to bytecode, because the
# running service cannot write files. Bytecode without times, and with one order of sets, is the same in every build.
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --no-deps --require-hashes \
        --only-binary :all: --requirement requirements/${REQUIREMENTS}.txt \
    && find /opt/venv -regex '.*/\(tests\|sqlalchemy/testing\|onnxruntime/\(quantization\|tools\|transformers\|datasets\)\)' -prune \
        -exec rm -rf {} + \
    && find /opt/venv -name '*.pyi' -delete
COPY app /srv/speech-emotion/app
RUN PYTHONHASHSEED=0 python -m compileall -q --invalidation-mode unchecked-hash /opt/venv /srv/speech-emotion/app \
    && mkdir /data /rollout


# The SBOM lists what the image contains. A license that the policy does not allow ends the build.
FROM base AS sbom
ARG REQUIREMENTS=service
COPY requirements/sbom.txt requirements/
RUN pip install --no-cache-dir --require-hashes --only-binary :all: --requirement requirements/sbom.txt
COPY pyproject.toml ./
COPY requirements/${REQUIREMENTS}.txt requirements/
COPY release release
COPY training/encoder training/encoder
COPY --from=wheels /srv/speech-emotion/app app
COPY --from=wheels /opt/venv /opt/service
RUN python -m release.sbom --image --lock requirements/${REQUIREMENTS}.txt \
        --packages /opt/service/lib/python3.11/site-packages --output /sbom/sbom.cdx.json


FROM base AS service
ARG VERSION=0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Speech Emotion Service" \
    org.opencontainers.image.description="Estimates the probabilities of anger, surprise, happiness, sadness and neutral in a recording" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
COPY --from=wheels /opt/venv /opt/venv
COPY --from=wheels /srv/speech-emotion/app app
COPY LICENSE LICENSES.md ./
COPY --from=sbom /sbom/sbom.cdx.json ./
COPY models models
# A volume inherits this owner when it is mounted here for the first time.
COPY --from=wheels --chown=10001:10001 /data /data
COPY --from=wheels --chown=10001:10001 /rollout /rollout
# Beyond loopback, the service requires keys or SER_ALLOW_UNAUTHENTICATED=true. Jobs need a volume or SER_JOBS_URL.
ENV PYTHONDONTWRITEBYTECODE=1 SER_HOST=0.0.0.0 SER_DATA_DIR=/data SER_JOBS=false
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-m", "app", "health"]
ENTRYPOINT ["python", "-m", "app"]
