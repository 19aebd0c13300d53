# syntax=docker/dockerfile:1
# The service as an image: `docker build -t ambulance-dispatch .`; docs/deployment.md has the rest.
# For the same bytes each time, name the base by its digest: --build-arg PYTHON_IMAGE=python@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim-trixie

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /build
# Wheels only, each with its hash: nothing is compiled, so neither stage has a compiler.
COPY requirements.runtime.lock ./
RUN python -m venv /opt/dispatch \
    && /opt/dispatch/bin/pip install --require-hashes --only-binary :all: \
        -r requirements.runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY dispatch dispatch
# What built it, and pip itself, are of no use to a worker.
RUN /opt/dispatch/bin/pip install --no-deps --no-build-isolation --no-index . \
    && /opt/dispatch/bin/pip uninstall --yes \
        editables hatchling pathspec pluggy tomlkit trove-classifiers pip

FROM ${PYTHON_IMAGE} AS runtime
RUN groupadd --gid 10001 dispatch \
    && useradd --uid 10001 --gid dispatch --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin dispatch
COPY --from=build /opt/dispatch /opt/dispatch
# Nothing is written but to /tmp: the root may be read-only.
ENV PATH=/opt/dispatch/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DISPATCH_DATA_DIR=/tmp/ambulance-dispatch \
    DISPATCH_LOG_FORMAT=json
WORKDIR /
USER 10001:10001
EXPOSE 9464
# For a worker; commands that end by themselves have it turned off where they are started.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('DISPATCH_WEB__PORT', '9464') + '/livez', timeout=2)"]
ENTRYPOINT ["dispatch"]
CMD ["worker"]
