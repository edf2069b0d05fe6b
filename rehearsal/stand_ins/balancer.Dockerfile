# Stands in for nginx:1.30.6-alpine: the same version, from Debian.
FROM debian:sid
RUN apt-get update && apt-get install --yes --no-install-recommends nginx-light wget
