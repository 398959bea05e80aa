FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin docent && cp target/release/docent /docent

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
