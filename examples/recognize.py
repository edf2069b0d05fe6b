"""Recognize the emotion of one utterance: recognize.py URL FILE. API_KEY may hold the key."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

RETRIED = {429, 502, 503}
TRIES = 5


def recognize(url: str, recording: bytes, key: str | None) -> dict[str, Any]:
    """Send a recording, and retry after errors that may be temporary."""
    headers = {"Content-Type": "audio/wav"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(f"{url}/v1/audio/emotions", recording, headers)
    for attempt in range(TRIES):
        pause = 2.0**attempt
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            if error.code not in RETRIED:
                raise SystemExit(error.read().decode()) from error
            pause = max(pause, float(error.headers.get("Retry-After", 0)))
        except OSError:
            pass  # the connection failed or broke: it is safe to send the same recording again
        time.sleep(pause)
    raise SystemExit(f"no answer after {TRIES} attempts")


answer = recognize(sys.argv[1], Path(sys.argv[2]).read_bytes(), os.environ.get("API_KEY"))
print(answer["emotion"] if answer["speech"] else "no speech")
