# syntax=docker/dockerfile:1
# The image has the program, the libraries that it is linked with, the certificates of public
# authorities and a user without rights: no shell and no package manager.
# scripts/image-test.py starts what this file describes, without a container engine.

FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
# `outdial --version` prints it. There is no repository in the build context.
ARG SOURCE_COMMIT=
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    SQLX_OFFLINE=true cargo build --release --locked --bin outdial && \
    scripts/image-root.sh target/release/outdial /image

FROM scratch
LABEL org.opencontainers.image.title="Outdial" \
    org.opencontainers.image.description="A gateway that places outbound AI voice calls" \
    org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build --chown=0:0 /image/root/ /
# The only folder that the user may write to: the embedded database and recordings, if they are used.
COPY --from=build --chown=65532:65532 /image/data/ /var/lib/outdial/
USER 65532:65532
WORKDIR /var/lib/outdial
ENV OUTDIAL_BIND=0.0.0.0:2212
EXPOSE 2212
# No HEALTHCHECK: it would need a program in the image that sends a request. Let the orchestrator
# probe /healthz (restart) and /readyz (traffic). On SIGTERM the gateway finishes the calls in flight:
# wait for 130 s before SIGKILL (`docker stop --time 130`).
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/outdial"]
CMD ["serve"]
