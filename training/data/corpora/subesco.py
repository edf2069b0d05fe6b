"""SUBESCO, the SUST Bangla Emotional Speech Corpus (Sultana et al., PLOS ONE 2021).

A file name such as `F_02_MONIKA_S_1_NEUTRAL_5` encodes the sex, the number and the name of the speaker, the
sentence, the emotion and the take. The data card of the authors' university has the same description and the
license (huggingface.co/datasets/sustcsenlp/bn_emotion_speech_corpus). The folds of EmoBox (arXiv 2406.07162)
are groups of speakers; its list is not part of the corpus.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.utterance import Utterance, named_files

EMOTIONS = {
    "ANGRY": "anger",
    "DISGUST": "disgust",
    "FEAR": "fear",
    "HAPPY": "happiness",
    "NEUTRAL": "neutral",
    "SAD": "sadness",
    "SURPRISE": "surprise",
}
FILE_NAME = re.compile(
    r"(?P<sex>[FM])_(?P<speaker>\d\d)_[A-Z]+_S_\d+_(?P<emotion>ANGRY|DISGUST|FEAR|HAPPY|NEUTRAL|SAD|SURPRISE)_\d"
)

FACTS = CorpusFacts(
    name="subesco",
    title="SUBESCO, Bangla",
    citation=(
        "Sultana et al. 2021, SUST Bangla Emotional Speech Corpus (SUBESCO), PLOS ONE 16(4), "
        "doi:10.1371/journal.pone.0250173"
    ),
    terms="CC BY 4.0",
    source="https://zenodo.org/record/4526477",
    languages=("bn",),
    n_speakers=20,
    n_utterances=7000,
    labels=tuple(EMOTIONS.values()),
    example="F_02_MONIKA_S_1_NEUTRAL_5.wav",
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
            speaker=f"{FACTS.name}-{match['sex']}{match['speaker']}",
            sex=match["sex"].lower(),
            language="bn",
        )
        for path, match in named_files(folder, FILE_NAME, FACTS.example)
    ]
