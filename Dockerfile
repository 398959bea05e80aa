FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# jemalloc is built for a page size at the most; some arm64 kernels have pages of 64 KB.
RUN if [ "$(uname -m)" = aarch64 ]; then export JEMALLOC_SYS_WITH_LG_PAGE=16; fi \
    && cargo build --release --locked --bin docent && cp target/release/docent /docent

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates postgresql \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/docent docent
COPY --from=build /docent /usr/local/bin/docent
USER docent
WORKDIR /var/lib/docent
EXPOSE 8080
ENTRYPOINT ["docent"]
CMD ["serve"]
