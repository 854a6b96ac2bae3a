# The container image of the mock server: docker build -t mockcvp .
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# pip reads these variables; they set a mirror of PyPI, or a directory with wheels in the build context.
ARG PIP_INDEX_URL
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# The build tools stay in this stage.
RUN python -m venv /tools && python -m venv --without-pip /opt/mockcvp
COPY requirements requirements
# The directory wheels is optional.
COPY pyproject.toml wheels* wheels/
RUN /tools/bin/python -m pip install --quiet --require-hashes -r requirements/build.txt \
 && /tools/bin/python -m pip --python /opt/mockcvp/bin/python install --quiet --require-hashes -r requirements/run.txt \
 # The headers of C libraries are not needed at run time.
 && rm -rf /opt/mockcvp/lib/python*/site-packages/lxml/includes
# Without debug symbols the image is smaller, but binutils may not be available.
RUN if { apt-get -qq update && apt-get -qq install -y --no-install-recommends binutils; } >/dev/null 2>&1; \
    then find /opt/mockcvp -name '*.so' -exec strip --strip-unneeded {} +; \
    else echo "no binutils: the image keeps the symbols of its libraries"; fi
COPY . .
RUN /tools/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /tools/bin/python -m pip --python /opt/mockcvp/bin/python install --quiet --no-deps --no-index /wheel/*.whl \
 # The container can run as any user.
 && install -d -m 0777 /volumes/certs

FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="mockcvp" \
      org.opencontainers.image.description="The OAMP server of Cisco Unified CVP, mocked for tests" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The mockcvp founders"
COPY --from=build /opt/mockcvp /opt/mockcvp
COPY --from=build --chown=10001:0 /volumes /
ENV PATH=/opt/mockcvp/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    MOCKCVP_HOST=0.0.0.0 \
    # Only the user who publishes the port decides who can reach it; the log has a warning.
    MOCKCVP_ADMIN_ACCESS=open \
    MOCKCVP_CERT_DIR=/certs
USER 10001:0
VOLUME /certs
EXPOSE 8111
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=1500ms --timeout=2s --start-period=10s --retries=2 CMD ["python", "-m", "mockcvp.server.health"]
ENTRYPOINT ["mockcvp"]
CMD ["serve"]
