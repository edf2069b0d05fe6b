"""The codecs of recordings: what a coding costs in accuracy, and what its decoding costs in time.

    python -m benchmarks.codecs CSV [CSV …]

Utterances of the corpora (CSV files in the format of `python -m training`) are coded with soundfile, and
recognized with the networks of a fold that has not seen the speaker. Each label of each corpus has the same
number of utterances. The benchmark first cross-validates the default model, which takes half an hour unless
the results are cached.
"""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from sklearn.metrics import accuracy_score

from app.core.audio import Signal, decode, resample, select_channel
from app.core.bundle import read_bundle
from app.core.containers import FORMATS
from app.core.recognizer import EmotionRecognizer
from benchmarks.calls import post
from benchmarks.held_out import cross_validated, write_bundles
from benchmarks.serving import running
from testing.recordings import EXAMPLE
from training.data.codecs import TELEPHONE_RATE, WIDE, Codec, mp3, opus
from training.data.corpora import READERS, Utterance
from training.learning.scores import uar

PER_LABEL = 12
"""The utterances of each label in each corpus; fewer if there are not as many."""
N_ROUNDS, N_POSTS, N_CALL_ROUNDS = 7, 20, 3
CLIP_SECONDS, CALL_SECONDS = 3, 120

CODECS: dict[str, Codec] = {
    "WAV, PCM of 16 bits": Codec("WAV", "PCM_16"),
    "MP3, 64 kbit/s": mp3(64),
    "MP3, 32 kbit/s": mp3(32),
    "Opus, 32 kbit/s": opus(32),
    "Opus, 24 kbit/s": opus(24),
    "Opus, 16 kbit/s": opus(16),
    "Vorbis, quality 3": Codec("OGG", "VORBIS", level=0.7),
    "IMA ADPCM": Codec("WAV", "IMA_ADPCM"),
    "Microsoft ADPCM": Codec("WAV", "MS_ADPCM"),
    "8 kHz, PCM of 16 bits": Codec("WAV", "PCM_16", TELEPHONE_RATE),
    "8 kHz, mu-law": Codec("WAV", "ULAW", TELEPHONE_RATE),
    "8 kHz, Opus, 16 kbit/s": opus(16, TELEPHONE_RATE),
    "8 kHz, MP3, 16 kbit/s": mp3(16, TELEPHONE_RATE),
    "8 kHz, G.721, 32 kbit/s": Codec("AU", "G721_32", TELEPHONE_RATE),
    "8 kHz, IMA ADPCM": Codec("WAV", "IMA_ADPCM", TELEPHONE_RATE),
    "8 kHz, GSM 6.10": Codec("WAV", "GSM610", TELEPHONE_RATE),
}


def main() -> None:
    """Run the measurements and print the results."""
    print_costs()
    corpora = [utterance for path in sys.argv[1:] for utterance in READERS["csv"](Path(path))]
    dataset, results = cross_validated(corpora)
    with tempfile.TemporaryDirectory() as models:
        held_out = write_bundles(dataset, results, Path(models))
        print_accuracy(Path(models), held_out)


def print_costs() -> None:
    """Print the processor time of utterances and calls, relative to WAV, measured in turns."""
    samples = resample(decode(EXAMPLE.read_bytes()), WIDE).samples
    clip = Signal(np.resize(samples, (1, CLIP_SECONDS * WIDE)), WIDE)
    call = Signal(np.resize(samples, (1, CALL_SECONDS * WIDE)), WIDE)
    with running(SER_WORKERS="1", SER_FORMATS=",".join(FORMATS)) as service:
        for title, signal, n_rounds, n_posts, path in (
            ("utterance", clip, N_ROUNDS, N_POSTS, "/v1/audio/emotions"),
            ("call", call, N_CALL_ROUNDS, 1, "/v1/audio/timeline"),
        ):
            files = {name: codec.encode(signal) for name, codec in CODECS.items()}
            seconds: dict[str, list[float]] = defaultdict(list)
            for _ in range(n_rounds):
                for name, data in files.items():
                    started = service.processor_seconds()
                    for _ in range(n_posts):
                        post(service, data, path=path)
                    seconds[name].append((service.processor_seconds() - started) / n_posts)
            wav = seconds["WAV, PCM of 16 bits"]
            for name, measured in seconds.items():
                ratio = median(one / other for one, other in zip(measured, wav, strict=True))
                print(f"{title}, {name}: {1000 * median(measured):.1f} ms, {ratio:.3f} of WAV", flush=True)


def print_accuracy(models: Path, held_out: Mapping[str, Sequence[Utterance]]) -> None:
    """Print a Markdown table of all codecs.

    Args:
        models: the folder of the bundles of the folds.
        held_out: the test part of each fold, by the name of its bundle.
    """
    chosen = choose([(name, one) for name, part in held_out.items() for one in part])
    truth: list[int] = []
    recognized: dict[str, list[int]] = defaultdict(list)
    n_bytes, duration = defaultdict[str, int](int), 0.0
    for name in held_out:
        recognizer = EmotionRecognizer(read_bundle(models / name))
        labels = list(recognizer.bundle.manifest.labels)
        for utterance in (one for bundle, one in chosen if bundle == name):
            signal = select_channel(decode(utterance.path.read_bytes()), "mix")
            truth.append(labels.index(utterance.emotion))
            duration += signal.duration
            for title, codec in CODECS.items():
                data = codec.encode(signal)
                n_bytes[title] += len(data)
                answer = recognizer.recognize_speech(select_channel(decode(data, formats=FORMATS), "mix"))
                best = max(labels, key=(answer.probabilities or {}).__getitem__)
                recognized[title].append(labels.index(best))
    print(f"{len(truth)} utterances of {len({one.speaker for _, one in chosen})} speakers")
    print("| codec | kbit/s | UAR | accuracy | same answer as WAV |\n| --- | --- | --- | --- | --- |")
    original = np.array(recognized["WAV, PCM of 16 bits"])
    for title, answers in recognized.items():
        kbits = n_bytes[title] * 8 / duration / 1000
        scores = uar(np.array(truth), np.array(answers)), accuracy_score(truth, answers)
        agreed = float((np.array(answers) == original).mean())
        print(f"| {title} | {kbits:.0f} | {100 * scores[0]:.1f} | {100 * scores[1]:.1f} | {agreed:.1%} |")


def choose(candidates: Sequence[tuple[str, Utterance]]) -> list[tuple[str, Utterance]]:
    """Choose up to `PER_LABEL` utterances at random for each label of each corpus."""
    groups: dict[tuple[str, str], list[tuple[str, Utterance]]] = defaultdict(list)
    for candidate in candidates:
        groups[candidate[1].corpus, candidate[1].emotion].append(candidate)
    random = np.random.default_rng(1)
    return [
        group[index]
        for _, group in sorted(groups.items())
        for index in sorted(random.permutation(len(group))[:PER_LABEL])
    ]


if __name__ == "__main__":
    main()
