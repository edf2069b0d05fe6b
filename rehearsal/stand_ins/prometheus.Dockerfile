# Stands in for prom/prometheus:v3.5.0: user, folder and entry point of that image, with Debian's 3.5.
FROM debian:sid
RUN apt-get update && apt-get install --yes --no-install-recommends prometheus wget \
    && mkdir --parents /prometheus && chown nobody:nogroup /prometheus
USER nobody
WORKDIR /prometheus
ENTRYPOINT ["/usr/bin/prometheus"]
