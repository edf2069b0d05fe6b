"""TurEV-DB, Turkish single words (Canpolat et al., SLTU-CCURL 2020).

A file such as `Sound Source/Angry/1157_kz_acik.wav` encodes the speaker, the emotion (two letters of the
Turkish word, and the folder) and the word. The sexes of the numbers are not published. There are no folds
here: EmoBox (arXiv 2406.07162) draws a quarter of the utterances at random, and its list is not part of the
corpus.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts, emobox
from training.data.corpora.utterance import Utterance, named_files

EMOTIONS = {"kz": "anger", "sk": "calm", "mt": "happiness", "hl": "sadness"}
FILE_NAME = re.compile(r"(?P<speaker>\d{4})_(?P<emotion>kz|sk|mt|hl)_.+")

FACTS = CorpusFacts(
    name="turev",
    title="TurEV-DB, Turkish single words",
    citation=(
        "Canpolat et al. 2020, Turkish Emotion Voice Database (TurEV-DB), SLTU-CCURL, "
        "https://aclanthology.org/2020.sltu-1.52"
    ),
    terms="CC BY-NC-ND 4.0",
    source="https://github.com/Xeonen/TurEV-DB",
    languages=("tr",),
    n_speakers=6,
    n_utterances=1735,
    labels=tuple(EMOTIONS.values()),
    example="Sound Source/Angry/1157_kz_acik.wav",
    published=emobox(
        {"wav2vec 2.0 base": 67.19, "HuBERT base": 72.81, "WavLM large": 79.5, "Whisper large v3": 81.32}, 1
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
            language="tr",
        )
        for path, match in named_files(folder, FILE_NAME, FACTS.example)
    ]
