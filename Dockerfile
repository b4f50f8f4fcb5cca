# Quintil in a container: built from this folder, run as a user of its own. See docker-compose.yml.
FROM debian:12-slim AS build
WORKDIR /src
COPY scripts/install-deps scripts/install-deps
RUN scripts/install-deps && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DQTL_TESTS=OFF && \
    cmake --build build --target quintil

FROM debian:12-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends \
        libavro23 libhiredis0.14 librdkafka1 libsnappy1v5 libyajl2 libyaml-0-2 libzstd1 zlib1g && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --home-dir /var/lib/quintil --create-home quintil && \
    install --directory --owner=quintil /shared
COPY --from=build /src/build/quintil /usr/local/bin/quintil
COPY docs/tour /etc/quintil
USER quintil
WORKDIR /var/lib/quintil
# Ends cleanly on SIGTERM, which is what `docker stop` sends.
ENTRYPOINT ["quintil"]
CMD ["run", "-c", "/etc/quintil/quintil.yaml"]
