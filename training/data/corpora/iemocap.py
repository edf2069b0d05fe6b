r"""IEMOCAP, acted and improvised dialogs in English (Busso et al., LREV 2008).

A file such as `Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav` belongs to session 1. The
letter before the number of the turn (M) is the sex of its speaker; the letter after the session (F) says
who wears the markers of the motion capture. The labels are in the lines of
`Session*/dialog/EmoEvaluation/*.txt`:

    [6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]

`xxx` (the raters do not agree) and `oth` (another emotion) are not utterances here. A session has two
speakers, and the published folds leave out one session each, as EmoBox does (arXiv 2406.07162). That
publication, like most work on four emotions, counts `excited` as happiness, and so does
`training.data.labels`.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.utterance import Utterance, named_files
from training.errors import TrainingError

EMOTIONS = {
    "ang": "anger",
    "dis": "disgust",
    "exc": "excited",
    "fea": "fear",
    "fru": "frustration",
    "hap": "happiness",
    "neu": "neutral",
    "sad": "sadness",
    "sur": "surprise",
}
NO_EMOTION = {"oth", "xxx"}
FILE_NAME = re.compile(r"Ses0(?P<session>[1-5])[FM]_\w+_(?P<sex>[FM])[^_]+")
LINE = re.compile(r"\[\d+\.\d+ - \d+\.\d+\]\t(?P<name>\w+)\t(?P<label>\w+)\t")
EVALUATIONS = "dialog/EmoEvaluation"

FACTS = CorpusFacts(
    name="iemocap",
    title="IEMOCAP, English dialogs",
    citation=(
        "Busso et al. 2008, IEMOCAP: interactive emotional dyadic motion capture database, Language "
        "Resources and Evaluation 42(4), doi:10.1007/s10579-008-9076-6"
    ),
    terms="research purposes only; signed license",
    source="https://sail.usc.edu/iemocap, after a request",
    languages=("en",),
    n_speakers=10,
    n_utterances=10039,
    labels=tuple(EMOTIONS.values()),
    example="Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
    needs=("Session1/dialog/EmoEvaluation/Ses01F_impro01.txt",),
    folds="5 by session",
)


def read(folder: Path) -> list[Utterance]:
    """Read the utterances in a folder whose raters agree on an emotion.

    Raises:
        TrainingError: the folder does not exist, or contains no file of the corpus or no file with labels, or
            a recording has no label or an unknown one.
    """
    files = named_files(folder, FILE_NAME, FACTS.example)
    labels = _labels(folder)
    utterances = []
    for path, match in files:
        label = labels.get(path.stem)
        if label in NO_EMOTION:
            continue
        if label not in EMOTIONS:
            raise TrainingError(
                f"{path}: its label in {EVALUATIONS} is {label}; known are {', '.join(EMOTIONS)}"
            )
        utterances.append(
            Utterance(
                path=path,
                corpus=FACTS.name,
                emotion=EMOTIONS[label],
                speaker=f"{FACTS.name}-{match['session']}{match['sex']}",
                sex=match["sex"].lower(),
                language="en",
                test_fold=int(match["session"]),
            )
        )
    return utterances


def _labels(folder: Path) -> dict[str, str]:
    """Return the label of each turn, by its name."""
    # Releases contain files of macOS with the names ._Ses*.txt, which are no text.
    tables = sorted(folder.rglob(f"{EVALUATIONS}/Ses*.txt"))
    if not tables:
        raise TrainingError(
            f"{folder}: contains no {EVALUATIONS}/Ses*.txt, the files with the labels of IEMOCAP"
        )
    return {
        match["name"]: match["label"]
        for table in tables
        for match in LINE.finditer(table.read_text(encoding="utf-8", errors="replace"))
    }
