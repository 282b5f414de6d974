# syntax=docker/dockerfile:1
# The worker's image, and as a target of its own the offline providers.
#
#   docker build --tag sighted .                              the worker (the last stage is the default target)
#   docker build --target sandbox --tag sighted-sandbox .     the stand-ins that docker-compose.yml starts on request
#
# Python 3.12 is the newest that every dependency supports, and the release of Debian is named so that a new one never
# arrives by itself.
ARG BASE=python:3.12-slim-trixie
# Only fetches what the demo's page loads in the browser; nothing of it is shipped but that.
ARG NODE=node:24-trixie-slim


# --- builder: uv and the lock files; nothing of it is shipped but what it installs ---------------------------------
FROM ${BASE} AS builder

# Compiled once here, because the final file system is read-only. The compiled files are trusted without a look at the
# sources' times, which copying between stages need not keep.
ENV UV_COMPILE_BYTECODE=1 \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never

# uv itself is pinned and checked like everything else.
COPY requirements/uv.txt /build/requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
      --require-hashes --requirement /build/requirements/uv.txt


# --- the two sets of packages, each in an environment of its own, built side by side -------------------------------
FROM builder AS production-packages
# `--build-arg PACKAGES=heif` reads HEIC uploads too; its wheel holds libheif and libde265 (LGPL-3.0).
# `--build-arg PACKAGES=google` speaks to Gemini Live too.
ARG PACKAGES=production
COPY requirements/production.txt requirements/heif.txt requirements/google.txt /build/requirements/
# `sync` installs exactly what the file lists, each wheel against its hash, and resolves nothing. Only wheels: building
# a source distribution would run code that no hash here covers.
RUN python -m venv --without-pip /opt/venv \
 && uv pip sync --no-cache --python /opt/venv/bin/python --require-hashes --only-binary :all: \
      "/build/requirements/${PACKAGES}.txt"

FROM builder AS sandbox-packages
COPY requirements/sandbox.txt /build/requirements/
# rapidocr asks for opencv-python; the lock leaves it out (requirements/overrides.txt), and `sync` asks no package.
RUN python -m venv --without-pip /opt/venv \
 && uv pip sync --no-cache --python /opt/venv/bin/python --require-hashes --only-binary :all: \
      /build/requirements/sandbox.txt


# --- what the page loads in the browser, from npm by the hashes of its lock file ------------------------------------
FROM ${NODE} AS page-packages
WORKDIR /build
COPY sandbox/page/package.json sandbox/page/package-lock.json sandbox/page/.npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund


# --- base of what runs: a user without rights, and nothing to write but /tmp (multiprocessing's sockets) ------------
FROM ${BASE} AS runtime

# By number, so that Kubernetes can see that it is not root (runAsNonRoot); no home, because nothing may be kept there.
RUN groupadd --gid 10001 sighted \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin sighted

# Bytecode is there already and could not be written. Unbuffered, so that the last words of a crash are not lost; a
# fault in native code (codecs, WebRTC, OpenCV) leaves a Python traceback. ONNX Runtime's builds send usage data to
# their maker and keep a device id under ~/.cache, unless told not to before they load.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONFAULTHANDLER=1 \
    ORT_DISABLE_TELEMETRY=1

# `python -m` finds our packages in the working directory.
WORKDIR /app
COPY --chmod=0555 deploy/healthcheck.py ./


# --- sandbox: speech, sight and language without a key ---------------------------------------------------------------
# Holds GPL-3.0 software (piper), in a process and an image of its own; the worker's image shares no layer with it
# but the base.
FROM runtime AS sandbox
COPY --from=sandbox-packages /opt/venv /opt/venv
COPY sandbox ./sandbox
# One file, which holds all that it needs.
COPY --from=page-packages /build/node_modules/livekit-client/dist/livekit-client.esm.mjs \
  ./sandbox/page/node_modules/livekit-client/dist/
RUN chmod -R a+rX,go-w . && python -m compileall -q --invalidation-mode unchecked-hash sandbox
USER 10001:10001
EXPOSE 7990
STOPSIGNAL SIGTERM
# Healthy when the models are loaded.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
  CMD ["python", "-S", "healthcheck.py", "/healthz", "7990"]
ENTRYPOINT ["python", "-m", "sandbox"]
CMD ["serve", "--host", "0.0.0.0", "--port", "7990"]
LABEL org.opencontainers.image.title="Sighted sandbox" \
      org.opencontainers.image.description="Offline stand-ins for the speech and language providers of Sighted. Not for production."


# --- production: the worker ------------------------------------------------------------------------------------------
FROM runtime AS production
COPY --from=production-packages /opt/venv /opt/venv
COPY config ./config
COPY agent ./agent
# Readable for the user below, whatever umask the files were checked out with.
RUN chmod -R a+rX,go-w . && python -m compileall -q --invalidation-mode unchecked-hash config agent
USER 10001:10001

# /healthz and /readyz (WORKER__HTTP_PORT). The worker itself calls out and needs no port open to the world.
EXPOSE 8081

# The first SIGTERM lets running calls end, for at most WORKER__DRAIN_TIMEOUT_S: give the container longer than that
# (docker stop --time, stop_grace_period, terminationGracePeriodSeconds), or calls are cut off.
STOPSIGNAL SIGTERM

# Alive, not ready: a worker that drains or has lost its server must not be taken for a dead one. It answers once the
# server was reached, so the start may take WORKER__CONNECT_TIMEOUT_S.
HEALTHCHECK --interval=10s --timeout=5s --start-period=75s --retries=3 \
  CMD ["python", "-S", "healthcheck.py", "/healthz"]

# A list and no shell: Python is process 1 and gets the signals itself.
ENTRYPOINT ["python", "-m", "agent"]
CMD ["start"]

# Last, because they change with every build: --build-arg REVISION="$(git rev-parse HEAD)"
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Sighted" \
      org.opencontainers.image.description="A LiveKit voice agent worker that never answers blind: every turn carries what the caller shows." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
