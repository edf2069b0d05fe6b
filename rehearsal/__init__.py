"""The deployment, rehearsed: the containers of the Compose file run and fail here, with `make deploy-test`.

Podman runs them. Debian's packages stand in for the images of nginx, PostgreSQL and Prometheus, and moto for
the S3 gateway, so that no registry of images is needed. docs/deploy.md says what differs from Docker.
"""
