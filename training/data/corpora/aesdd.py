"""AESDD, the Acted Emotional Speech Dynamic Database, Greek (Vryzas et al., Journal of the AES 2018).

A file name such as `a01 (1)` encodes the emotion, the utterance and the speaker; `a06 (5)b` is another
take, and some speakers are written with a zero, as in `f13 (01)`. The corpus had five actors at first and
grows; the present release has six. Its file `s05 (3).wav` has no audio: train with `--skip-undecodable`.
The readme of version 1.0 describes these names, and gives the sexes as a sum only: three women and two men.
The page of the authors calls the corpus public. A copy, EdwardLin2023/AESDD on Hugging Face, says CC BY 4.0
and has that readme. There are no folds here: EmoBox (arXiv 2406.07162) draws a quarter of the utterances at
random, and its list is not part of the corpus.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.utterance import Utterance, named_files

EMOTIONS = {"a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "s": "sadness"}
FILE_NAME = re.compile(r"(?P<emotion>[adfhs])\d\d ?\(0?(?P<speaker>\d)\)[a-z]?")

FACTS = CorpusFacts(
    name="aesdd",
    title="AESDD, Greek",
    citation=(
        "Vryzas et al. 2018, Speech Emotion Recognition for Performance Interaction, Journal of the AES "
        "66(6), doi:10.17743/jaes.2018.0036"
    ),
    terms="public; no license text of the authors seen",
    source="http://m3c.web.auth.gr/research/aesdd-speech-emotion-recognition",
    languages=("el",),
    n_speakers=6,
    n_utterances=604,
    labels=tuple(EMOTIONS.values()),
    example="anger/a01 (1).wav",
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
            language="el",
        )
        for path, match in named_files(folder, FILE_NAME, FACTS.example)
    ]
