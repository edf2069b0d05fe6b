# The service: `docker build -t speech-emotion .`
# Its training: `docker build --target training -t speech-emotion-training .`

FROM python:3.11-slim-bookworm AS base
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
# Or tracing, or bulk: the service with one of its extras.
ARG REQUIREMENTS=service
COPY requirements/${REQUIREMENTS}.txt requirements/
# pip stays outside. Tests, stubs and tools that nothing here imports go; the rest is compiled to bytecode, since the
# running service cannot write any.
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --no-deps --require-hashes \
        --only-binary :all: --requirement requirements/${REQUIREMENTS}.txt \
    && find /opt/venv -regex '.*/\(tests\|sqlalchemy/testing\|onnxruntime/\(quantization\|tools\|transformers\|datasets\)\)' -prune \
        -exec rm -rf {} + \
    && find /opt/venv -name '*.pyi' -delete
COPY app /srv/speech-emotion/app
RUN python -m compileall -q /opt/venv /srv/speech-emotion/app && mkdir /data


FROM base AS service
ARG VERSION=0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Speech Emotion Service" \
    org.opencontainers.image.description="How probable anger, surprise, happiness, sadness and neutral are in a recording" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
COPY --from=wheels /opt/venv /opt/venv
COPY --from=wheels /srv/speech-emotion/app app
COPY LICENSE LICENSES.md ./
COPY models models
# So that a volume that is mounted here for the first time belongs to the user.
COPY --from=wheels --chown=10001:10001 /data /data
# Beyond loopback it starts with keys only, or with SER_ALLOW_UNAUTHENTICATED=true. Jobs need a volume, or SER_JOBS_URL.
ENV PYTHONDONTWRITEBYTECODE=1 SER_HOST=0.0.0.0 SER_DATA_DIR=/data SER_JOBS=false
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-m", "app", "health"]
ENTRYPOINT ["python", "-m", "app"]
