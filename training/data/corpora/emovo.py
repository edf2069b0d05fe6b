"""EMOVO, Italian acted speech (Costantini et al., LREC 2014).

A file name such as `gio-f1-b1` encodes the emotion (the first letters of the Italian word), the speaker and
the sentence. Joy (`gio`, gioia) counts as happiness. The folds are those of EmoBox (arXiv 2406.07162), one
for each speaker.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.utterance import Utterance, named_files

EMOTIONS = {
    "dis": "disgust",
    "gio": "happiness",
    "neu": "neutral",
    "pau": "fear",
    "rab": "anger",
    "sor": "surprise",
    "tri": "sadness",
}
FOLDS = {"f2": 1, "m3": 2, "m2": 3, "f3": 4, "f1": 5, "m1": 6}
FILE_NAME = re.compile(r"(?P<emotion>dis|gio|neu|pau|rab|sor|tri)-(?P<speaker>(?P<sex>[fm])[123])-[bdln]\d")

FACTS = CorpusFacts(
    name="emovo",
    title="EMOVO, Italian",
    citation=(
        "Costantini et al. 2014, EMOVO Corpus: an Italian Emotional Speech Database, LREC, "
        "https://aclanthology.org/L14-1478"
    ),
    terms="no license text seen",
    source="http://voice.fub.it/activities/corpora/emovo/index.html",
    languages=("it",),
    n_speakers=6,
    n_utterances=588,
    labels=tuple(EMOTIONS.values()),
    example="EMOVO/f1/gio-f1-b1.wav",
    folds="EmoBox, 6 by speaker",
)


def read(folder: Path) -> list[Utterance]:
    """Read the utterances in a folder.

    Raises:
        TrainingError: the folder does not exist, or contains no file of the corpus.
    """
    return [
        Utterance(
            path=path,
            corpus=FACTS.name,
            emotion=EMOTIONS[match["emotion"]],
            speaker=f"{FACTS.name}-{match['speaker']}",
            sex=match["sex"],
            language="it",
            test_fold=FOLDS[match["speaker"]],
        )
        for path, match in named_files(folder, FILE_NAME, FACTS.example)
    ]
