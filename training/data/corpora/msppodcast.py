"""MSP-Podcast, spontaneous English speech of podcasts (Lotfian and Busso, IEEE TAC 2019).

A file such as `Audios/MSP-PODCAST_0001_0008.wav` encodes the podcast and the segment. The table
`Labels/labels_consensus.csv` (`labels_concensus.csv` in older releases) has the columns FileName, EmoClass,
SpkrID, Gender and Split_Set. These recordings are not utterances here:

- `O` (another emotion) and `X` (the raters do not agree);
- SpkrID `Unknown`, because folds separate speakers by name;
- recordings without a row, such as the part Test3, whose labels are not published.

Fold 1 is the published part Test1, as in EmoBox (arXiv 2406.07162), and fold 2 the part Test2. In the
publication neither trains for the other; `published-folds` trains on all other rows.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.tables import find_file, read_table
from training.data.corpora.utterance import Utterance, named_files
from training.errors import TrainingError

EMOTIONS = {
    "A": "anger",
    "C": "contempt",
    "D": "disgust",
    "F": "fear",
    "H": "happiness",
    "N": "neutral",
    "S": "sadness",
    "U": "surprise",
}
NO_EMOTION = {"O", "X"}
SEXES = {"Female": "f", "Male": "m"}
FOLDS = {"Test1": 1, "Test2": 2}
COLUMNS = ("FileName", "EmoClass", "SpkrID", "Gender", "Split_Set")
FILE_NAME = re.compile(r"MSP-PODCAST_\w+_\d+")

FACTS = CorpusFacts(
    name="msppodcast",
    title="MSP-Podcast, English podcasts",
    citation=(
        "Lotfian and Busso 2019, Building Naturalistic Emotionally Balanced Speech Corpus by Retrieving "
        "Emotional Speech From Existing Podcast Recordings, IEEE Transactions on Affective Computing 10(4), "
        "doi:10.1109/TAFFC.2017.2736999"
    ),
    terms="signed license of the MSP lab; academic or commercial",
    source="https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Podcast.html, after a request",
    languages=("en",),
    n_speakers=None,
    n_utterances=None,
    labels=tuple(EMOTIONS.values()),
    example="Audios/MSP-PODCAST_0001_0008.wav",
    needs=("Labels/labels_consensus.csv",),
    folds="parts Test1 and Test2",
)


def read(folder: Path) -> list[Utterance]:
    """Read the utterances in a folder that have a speaker and an agreed emotion.

    Raises:
        TrainingError: the folder does not exist, or contains no file of the corpus or no table of labels, or
            a label is unknown.
    """
    files = named_files(folder, FILE_NAME, FACTS.example)
    table = find_file(folder, "labels_consensus.csv", "labels_concensus.csv")
    rows = {Path(row["FileName"]).stem: row for row in read_table(table, COLUMNS)}
    utterances = []
    for path, _ in files:
        row = rows.get(path.stem)
        if row is None or row["SpkrID"] in ("", "Unknown") or row["EmoClass"] in NO_EMOTION:
            continue
        if row["EmoClass"] not in EMOTIONS:
            known = ", ".join(EMOTIONS)
            raise TrainingError(f"{path}: its EmoClass in {table} is {row['EmoClass']!r}; known are {known}")
        utterances.append(
            Utterance(
                path=path,
                corpus=FACTS.name,
                emotion=EMOTIONS[row["EmoClass"]],
                speaker=f"{FACTS.name}-{row['SpkrID']}",
                sex=SEXES.get(row["Gender"]),
                language="en",
                test_fold=FOLDS.get(row["Split_Set"]),
            )
        )
    return utterances
