"""RAVDESS, the Ryerson audio-visual database (Livingstone and Russo, PLOS ONE 2018).

A file name such as `03-01-05-02-01-02-16` encodes modality (03: audio only), vocal channel (01: speech),
emotion, intensity, statement, repetition and actor. Actors with odd numbers are men.
"""

import re
from pathlib import Path

from training.data.corpora.utterance import Utterance, named_files

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
FILE_NAME = re.compile(r"03-01-(?P<emotion>0[1-8])-\d\d-\d\d-\d\d-(?P<actor>\d\d)")


def read(folder: Path) -> list[Utterance]:
    """Read the spoken utterances in a folder, without songs.

    Raises:
        TrainingError: the folder does not exist, or contains no file of the corpus.
    """
    return [
        Utterance(
            path=path,
            corpus="ravdess",
            emotion=EMOTIONS[match["emotion"]],
            speaker=f"ravdess-{match['actor']}",
            sex="m" if int(match["actor"]) % 2 else "f",
            language="en",
        )
        for path, match in named_files(folder, FILE_NAME)
    ]
