#!/bin/sh
# The emotion of one utterance: recognize.sh URL FILE, with the key, if there is one, in API_KEY.
# Where the answer is 408, 429 or 5xx, curl waits as long as Retry-After says, and asks again.
answer=$(mktemp)  # of the last try; to stdout curl would write that of every try
trap 'rm -f "$answer"' EXIT
curl --silent --show-error --fail-with-body --max-time 120 --retry 4 --retry-connrefused --output "$answer" \
    --header "Authorization: Bearer ${API_KEY:-none}" --form "file=@$2" "$1/v1/audio/emotions"
status=$?
cat "$answer"
exit $status
