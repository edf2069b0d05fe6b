"""CaFE, the Canadian French Emotional speech dataset (Gournay et al., MMSys 2018).

A file name such as `01-C-1-1` encodes the actor, the emotion (the first letter of the French word), the
intensity and the sentence. Actors with odd numbers are men. The names of the folders are not used, because
archivers spell their accents differently. The release in 48 kHz has WAV files; convert the AIFF files of
the release in 192 kHz. The folds are those of EmoBox (arXiv 2406.07162), each with four actors.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.utterance import Utterance, named_files

EMOTIONS = {
    "C": "anger",
    "D": "disgust",
    "J": "happiness",
    "N": "neutral",
    "P": "fear",
    "S": "surprise",
    "T": "sadness",
}
FOLDS = {1: (1, 7, 8, 10), 2: (2, 4, 9, 12), 3: (3, 5, 6, 11)}
FOLD_OF = {speaker: fold for fold, speakers in FOLDS.items() for speaker in speakers}
FILE_NAME = re.compile(r"(?P<speaker>0[1-9]|1[0-2])-(?P<emotion>[CDJNPST])-[12]-[1-6]")

FACTS = CorpusFacts(
    name="cafe",
    title="CaFE, Canadian French",
    citation=(
        "Gournay et al. 2018, A Canadian French Emotional Speech Dataset, ACM MMSys, "
        "doi:10.1145/3204949.3208121"
    ),
    terms="CC BY-NC-SA 4.0",
    source="https://zenodo.org/record/1478765, the file CaFE_48k.zip",
    languages=("fr",),
    n_speakers=12,
    n_utterances=936,
    labels=tuple(EMOTIONS.values()),
    example="Colère/Faible/01-C-1-1.wav",
    folds="EmoBox, 3 by speaker",
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
            sex="m" if int(match["speaker"]) % 2 else "f",
            language="fr",
            test_fold=FOLD_OF[int(match["speaker"])],
        )
        for path, match in named_files(folder, FILE_NAME, FACTS.example)
    ]
