"""RAVDESS, the Ryerson audio-visual database (Livingstone and Russo, PLOS ONE 2018).

A file name such as `03-01-05-02-01-02-16` encodes modality (03: audio only), vocal channel (01: speech),
emotion, intensity, statement, repetition and actor. Actors with odd numbers are men. The folds are
those of EmoBox (arXiv 2406.07162), each with four actors.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts, emobox
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
FOLDS = {
    1: (1, 11, 20, 21),
    2: (4, 10, 12, 14),
    3: (8, 9, 19, 23),
    4: (3, 5, 7, 24),
    5: (2, 15, 16, 18),
    6: (6, 13, 17, 22),
}
FOLD_OF = {actor: fold for fold, actors in FOLDS.items() for actor in actors}
FILE_NAME = re.compile(r"03-01-(?P<emotion>0[1-8])-\d\d-\d\d-\d\d-(?P<actor>0[1-9]|1\d|2[0-4])")

FACTS = CorpusFacts(
    name="ravdess",
    title="RAVDESS, English",
    citation=(
        "Livingstone and Russo 2018, The Ryerson Audio-Visual Database of Emotional Speech and Song "
        "(RAVDESS), PLOS ONE 13(5), doi:10.1371/journal.pone.0196391"
    ),
    terms="CC BY-NC-SA 4.0",
    source="https://zenodo.org/record/1188976, the file Audio_Speech_Actors_01-24.zip",
    languages=("en",),
    n_speakers=24,
    n_utterances=1440,
    labels=tuple(EMOTIONS.values()),
    example="Actor_16/03-01-05-02-01-02-16.wav",
    folds="EmoBox, 6 by speaker",
    published=emobox(
        {"wav2vec 2.0 base": 54.33, "HuBERT base": 65.43, "WavLM large": 72.0, "Whisper large v3": 75.32}, 6
    ),
)


def read(folder: Path) -> list[Utterance]:
    """Read the spoken utterances in a folder, without songs.

    Raises:
        TrainingError: the folder does not exist, or contains no file of the corpus.
    """
    return [
        Utterance(
            path=path,
            corpus=FACTS.name,
            emotion=EMOTIONS[match["emotion"]],
            speaker=f"{FACTS.name}-{match['actor']}",
            sex="m" if int(match["actor"]) % 2 else "f",
            language="en",
            test_fold=FOLD_OF[int(match["actor"])],
        )
        for path, match in named_files(folder, FILE_NAME, FACTS.example)
    ]
