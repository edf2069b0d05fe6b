#!/bin/bash -eu
# The health check of the Compose file asks for a page that moto does not have. It succeeds if moto accepts connections.
exec 3<>/dev/tcp/127.0.0.1/7070
