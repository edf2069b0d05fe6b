"""TESS, the Toronto emotional speech set: single words in a carrier phrase (Pichora-Fuller and Dupuis 2020).

A file name such as `OAF_back_angry` encodes the actress (OAF: older, YAF: younger), the word and the
emotion. `ps` is pleasant surprise. One file lacks a letter: `OA_bite_neutral`. The recordings are of 2010,
and the DOI is of 2020. The license is that of the list SER-datasets (github.com/SuperKogito/SER-datasets). A
copy, myleslinder/tess on Hugging Face, says CC BY-NC 4.0. There are no folds here: EmoBox (arXiv 2406.07162)
draws a quarter of the utterances at random, and its list is not part of the corpus.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.utterance import Utterance, named_files

EMOTIONS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "ps": "surprise",
    "sad": "sadness",
}
FILE_NAME = re.compile(r"(?P<speaker>OA|YA)F?_[a-z]+_(?P<emotion>angry|disgust|fear|happy|neutral|ps|sad)")

FACTS = CorpusFacts(
    name="tess",
    title="TESS, English single words",
    citation="Pichora-Fuller and Dupuis 2020, Toronto emotional speech set (TESS), doi:10.5683/SP2/E8H2MF",
    terms="CC BY-NC-ND 4.0",
    source="https://doi.org/10.5683/SP2/E8H2MF",
    languages=("en",),
    n_speakers=2,
    n_utterances=2800,
    labels=tuple(EMOTIONS.values()),
    example="OAF_angry/OAF_back_angry.wav",
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
            speaker=f"{FACTS.name}-{match['speaker']}F",
            sex="f",
            language="en",
        )
        for path, match in named_files(folder, FILE_NAME, FACTS.example)
    ]
