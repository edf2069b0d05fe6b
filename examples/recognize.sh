#!/bin/sh
# Recognize the emotion of one utterance: recognize.sh URL FILE. API_KEY may hold the key.
# After the status 408, 429 or 5xx, curl waits for the time in Retry-After and retries.
answer=$(mktemp)  # the last answer; on stdout, curl would write the answer of every attempt
trap 'rm -f "$answer"' EXIT
curl --silent --show-error --fail-with-body --max-time 120 --retry 4 --retry-connrefused --output "$answer" \
    --header "Authorization: Bearer ${API_KEY:-none}" --form "file=@$2" "$1/v1/audio/emotions"
status=$?
cat "$answer"
exit $status
