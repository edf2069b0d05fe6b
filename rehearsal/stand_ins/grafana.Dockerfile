# Stands in for grafana/grafana:12.1.0, which cannot be built here. It answers the health check and draws nothing.
FROM debian:trixie
RUN apt-get update && apt-get install --yes --no-install-recommends python3 wget \
    && mkdir --parents /srv/api && echo ok > /srv/api/health
USER nobody
ENTRYPOINT ["python3", "-m", "http.server", "3000", "--directory", "/srv"]
