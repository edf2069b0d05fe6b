"""The emotion of one utterance: recognize.py URL FILE, with the key, if there is one, in API_KEY."""

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
    """Ask until there is an answer, or an error that another try would not mend."""
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
            pass  # no connection, or one that broke: the same recording may be sent again
        time.sleep(pause)
    raise SystemExit(f"no answer after {TRIES} tries")


answer = recognize(sys.argv[1], Path(sys.argv[2]).read_bytes(), os.environ.get("API_KEY"))
print(answer["emotion"] if answer["speech"] else "nobody speaks")
