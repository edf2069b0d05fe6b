"""SAVEE, the Surrey Audio-Visual Expressed Emotion database (Haq and Jackson, AVSP 2009).

A file such as `AudioData/DC/sa01.wav` encodes the speaker (the folder), the emotion (the letters) and the
sentence. Copies on other sites put all files into one folder and the speaker before the name, as in
`DC_sa01.wav`; both are read. All speakers are men. `AudioData/Info.txt` describes the names. The terms are
those of the list SER-datasets (github.com/SuperKogito/SER-datasets); TensorFlow Datasets also asks for the
registration. The folds are those of EmoBox (arXiv 2406.07162), one for each speaker.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.utterance import Utterance, named_files

EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
FOLDS = {"JE": 1, "KL": 2, "DC": 3, "JK": 4}
FILE_NAME = re.compile(r"(?:(?P<speaker>DC|JE|JK|KL)_)?(?P<emotion>sa|su|[adfhn])\d\d")

FACTS = CorpusFacts(
    name="savee",
    title="SAVEE, English",
    citation="Haq and Jackson 2009, Speaker-dependent audio-visual emotion recognition, AVSP",
    terms="research purposes only; registration",
    source="http://kahlan.eps.surrey.ac.uk/savee, after registration",
    languages=("en",),
    n_speakers=4,
    n_utterances=480,
    labels=tuple(EMOTIONS.values()),
    example="AudioData/DC/sa01.wav",
    folds="EmoBox, 4 by speaker",
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
            speaker=f"{FACTS.name}-{match['speaker'] or path.parent.name}",
            sex="m",
            language="en",
            test_fold=FOLDS[match["speaker"] or path.parent.name],
        )
        for path, match in named_files(folder, FILE_NAME, FACTS.example)
    ]
