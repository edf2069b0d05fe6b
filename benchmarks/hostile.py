"""Mutated recordings of every enabled format over HTTP: only listed statuses, and no worker lost.

    python -m benchmarks.hostile [MUTANTS]

MUTANTS (default: 10,000) mutants of each kind of recording go to a service with all formats enabled, every
tenth of them to `/v1/audio/timeline` and the others to `/v1/audio/emotions`. The seed of a mutant is its
number, so that a failure can be repeated. The exit status is 1 if a status is not listed, or if a worker was
replaced.
"""

import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx2
import numpy as np

from app.core.containers import FORMATS
from benchmarks.serving import RAW, TIMEOUT, Running, running
from benchmarks.soak import verdict
from testing import bundles
from testing.mutations import MUTATIONS, mutate
from testing.recordings import CODECS, encode_as, speech
from testing.service import descendants

N_MUTANTS = 10_000
N_CLIENTS = 2
LISTED = frozenset({200, 400, 413, 415, 422})
"""The documented statuses of both routes for a file."""
UTTERANCE, CALL = "/v1/audio/emotions", "/v1/audio/timeline"
CALL_EVERY = 10
MOST_MUTATIONS = 3
MONO = ("gsm", "g7")
"""The kinds that libsndfile writes with one channel only."""


def main() -> int:
    """Send all mutants, and print one row for each kind of recording.

    Returns:
        The exit status; 1 if a guarantee is broken.
    """
    n_mutants = int(sys.argv[1]) if len(sys.argv) > 1 else N_MUTANTS
    samples = speech()[4_000:10_000]
    stereo = np.stack([samples, -samples], axis=1)
    passed = True
    with tempfile.TemporaryDirectory() as folder:
        bundles.write(Path(folder), "small")
        formats = ",".join(FORMATS)
        with running(SER_MODELS_DIR=folder, SER_DEFAULT_MODEL="small", SER_FORMATS=formats) as service:
            processes = set(descendants(service.pid))
            print("| kind | mutants | statuses | mutants per second |\n| --- | --- | --- | --- |")
            for kind in CODECS:
                original = encode_as(kind, samples if kind.startswith(MONO) else stereo)
                passed &= _send_mutants(service, kind, original, n_mutants)
            same = set(descendants(service.pid)) == processes
            passed &= verdict("no process of the service ended or began", passed=same)
    return 0 if passed else 1


def _send_mutants(service: Running, kind: str, original: bytes, n_mutants: int) -> bool:
    """Send the mutants of one recording, and return whether every status is listed."""
    started = time.monotonic()
    statuses = Counter[int]()
    address = f"http://127.0.0.1:{service.port}"
    with httpx2.Client(base_url=address, timeout=TIMEOUT) as client, ThreadPoolExecutor(N_CLIENTS) as threads:
        send = partial(_status, client, original)
        seeds = range(n_mutants)
        for seed, status in zip(seeds, threads.map(send, seeds), strict=True):
            statuses[status] += 1
            if status not in LISTED:
                print(f"{kind}, seed {seed}: status {status}", file=sys.stderr)
    rate = n_mutants / (time.monotonic() - started)
    counted = ", ".join(f"{count:,} x {status}" for status, count in sorted(statuses.items()))
    print(f"| {kind} | {n_mutants:,} | {counted} | {rate:.0f} |", flush=True)
    return statuses.keys() <= LISTED


def _status(client: httpx2.Client, original: bytes, seed: int) -> int:
    """Send the mutant of a seed, and return the status of the answer."""
    random = np.random.default_rng(seed)
    chosen = random.integers(0, len(MUTATIONS), random.integers(1, MOST_MUTATIONS + 1))
    mutant = mutate(original, [(MUTATIONS[index], int(random.integers(2**32))) for index in chosen])
    route = CALL if seed % CALL_EVERY == 0 else UTTERANCE
    return client.post(route, content=mutant, headers=RAW).status_code


if __name__ == "__main__":
    sys.exit(main())
