"""URDU, utterances of talk shows in Urdu (Latif et al., FIT 2018).

A file name such as `SM1_F10_A010` encodes sex and number of the speaker, the number of the recording, and
the emotion with a number. The readme of the corpus counts 38 speakers, 27 of them men, and has the terms; the
names of the files have 29 speakers. There are no folds here: EmoBox (arXiv 2406.07162) draws a quarter of the
utterances at random, and its list is not part of the corpus.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts, emobox
from training.data.corpora.utterance import Utterance, named_files

EMOTIONS = {"A": "anger", "H": "happiness", "N": "neutral", "S": "sadness"}
FILE_NAME = re.compile(r"(?P<speaker>S(?P<sex>[FM])\d+)_F\d+_(?P<emotion>[AHNS])\d+")

FACTS = CorpusFacts(
    name="urdu",
    title="URDU, talk shows",
    citation=(
        "Latif et al. 2018, Cross Lingual Speech Emotion Recognition: Urdu vs. Western Languages, FIT, "
        "arXiv 1812.10411"
    ),
    terms="research purposes only",
    source="https://github.com/siddiquelatif/URDU-Dataset",
    languages=("ur",),
    n_speakers=38,
    n_utterances=400,
    labels=tuple(EMOTIONS.values()),
    example="Angry/SM1_F10_A010.wav",
    published=emobox(
        {"wav2vec 2.0 base": 87.5, "HuBERT base": 88.41, "WavLM large": 86.61, "Whisper large v3": 82.52}, 1
    ),
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
            sex=match["sex"].lower(),
            language="ur",
        )
        for path, match in named_files(folder, FILE_NAME, FACTS.example)
    ]
