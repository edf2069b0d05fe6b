#!/bin/bash -eu
# Create the database of POSTGRES_* in an empty folder, and start the server, as the entry point of the image does.
# Podman mounts its own /run over the folder of the socket.
SOCKETS="-c unix_socket_directories=/tmp"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    test -n "$POSTGRES_PASSWORD" || { echo "Database is uninitialized and POSTGRES_PASSWORD is not set" >&2; exit 1; }
    # shellcheck disable=SC2086  # several options
    initdb --username="$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD") $POSTGRES_INITDB_ARGS
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl --wait --options="-c listen_addresses='' $SOCKETS" start
    PGPASSWORD=$POSTGRES_PASSWORD createdb --host=/tmp --username="$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl --wait --mode=fast stop
fi
# shellcheck disable=SC2086  # two words
exec postgres -c listen_addresses='*' $SOCKETS
