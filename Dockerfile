# The gateway as one image: built in the first stage, run in the second without a compiler, a package manager of
# Python, a shell to log in with, or a right to write anywhere but in its own folder.
#
#   docker build -t disclosure-gateway .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     --env-file gateway.env -v gateway:/var/lib/gateway -v /etc/gateway:/etc/gateway:ro disclosure-gateway
#
# Put a buffering proxy in front (config/nginx.conf). To pin the base, give its digest in PYTHON_IMAGE.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PROJECT_ENVIRONMENT=/opt/gateway \
    UV_PYTHON_DOWNLOADS=never
RUN python -m pip install --no-cache-dir "uv==0.13.9"
WORKDIR /src
# The locked packages first: they change less often than the code.
COPY pyproject.toml uv.lock ./
COPY verifier/pyproject.toml verifier/
RUN uv sync --locked --no-dev --extra pkcs11 --no-install-workspace
COPY . .
# The build hook fetches the browser assets that frontend/package-lock.json names, by their hashes.
RUN uv sync --locked --no-dev --extra pkcs11 --no-editable

FROM ${PYTHON_IMAGE}
# pg_dump and pg_restore, for `gateway backup` and `gateway restore`. Python's own installer is not needed any more.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && python -m pip uninstall --yes --quiet --root-user-action=ignore setuptools wheel pip \
    && useradd --system --uid 10001 --no-create-home --home-dir /var/lib/gateway --shell /usr/sbin/nologin gateway \
    && install --directory --owner=gateway --group=gateway --mode=0700 /var/lib/gateway
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATEWAY_ENV=production \
    GATEWAY_SERVE__ADDRESS=0.0.0.0:8000 \
    GATEWAY_PATHS__VAR=/var/lib/gateway
USER 10001:10001
WORKDIR /var/lib/gateway
VOLUME /var/lib/gateway
EXPOSE 8000
# Any answer short of a server error shows that the process is alive; whether it is ready is asked at /readyz.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/livez'); raise SystemExit(c.getresponse().status >= 500)"]
ENTRYPOINT ["gateway"]
CMD ["run"]
