"""EmoV-DB, the Emotional Voices Database, English (Adigwe et al., arXiv 1806.09514).

A file such as `bea/Amused/amused_1-15_0001.wav` (sorted release) or `bea_Amused/amused_1-15_0001.wav`
(archives) encodes the emotion, a range of sentences and the sentence; a folder names the speaker. The readme
of the authors (github.com/numediart/EmoV-DB) lists 7,000 files; josh has no anger and no disgust. The file
`LICENSE.md` there permits research, teaching, scientific publication and personal experimentation. There are
no folds here: EmoBox (arXiv 2406.07162) draws a quarter of the utterances at random, and its list is not part
of the corpus.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.utterance import Utterance, named_files
from training.errors import TrainingError

EMOTIONS = {
    "amused": "amused",
    "anger": "anger",
    "disgust": "disgust",
    "neutral": "neutral",
    "sleepiness": "sleepiness",
}
SEXES = {"bea": "f", "jenie": "f", "josh": "m", "sam": "m"}
FILE_NAME = re.compile(rf"(?P<emotion>{'|'.join(EMOTIONS)})_.*\d", re.IGNORECASE)

FACTS = CorpusFacts(
    name="emovdb",
    title="EmoV-DB, English",
    citation=(
        "Adigwe et al. 2018, The Emotional Voices Database: Towards Controlling the Emotion Dimension in "
        "Voice Generation Systems, arXiv 1806.09514"
    ),
    terms="own license, non-commercial purposes only",
    source="https://www.openslr.org/115, or the sorted release of https://github.com/numediart/EmoV-DB",
    languages=("en",),
    n_speakers=4,
    n_utterances=7000,
    labels=tuple(EMOTIONS.values()),
    example="bea/Amused/amused_1-15_0001.wav",
)


def read(folder: Path) -> list[Utterance]:
    """Read the utterances in a folder.

    Raises:
        TrainingError: the folder does not exist, or contains no file of the corpus, or no folder names the
            speaker of a file.
    """
    utterances = []
    for path, match in named_files(folder, FILE_NAME, FACTS.example):
        speaker = _speaker(path)
        utterances.append(
            Utterance(
                path=path,
                corpus=FACTS.name,
                emotion=EMOTIONS[match["emotion"].lower()],
                speaker=f"{FACTS.name}-{speaker}",
                sex=SEXES[speaker],
                language="en",
            )
        )
    return utterances


def _speaker(path: Path) -> str:
    """Return the speaker that a folder of a file names, alone or before the emotion."""
    for name in (path.parent.name, path.parent.parent.name):
        speaker = name.lower().partition("_")[0]
        if speaker in SEXES:
            return speaker
    raise TrainingError(f"{path}: is not in a folder that names the speaker ({', '.join(SEXES)})")
