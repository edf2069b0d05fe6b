"""MELD, dialogs of the TV series Friends, English (Poria et al., ACL 2019).

A video such as `train_splits/dia0_utt0.mp4` encodes the dialog and the utterance; the three parts count
from zero each. This reader needs its audio as WAV or FLAC beside it, with the same name:

    for f in */*.mp4 */*/*.mp4; do ffmpeg -i "$f" -ac 1 -ar 16000 "${f%.mp4}.wav"; done

The tables `train_sent_emo.csv`, `dev_sent_emo.csv` and `test_sent_emo.csv` have the columns Dialogue_ID,
Utterance_ID, Speaker and Emotion. Joy counts as happiness, as in EmoBox (arXiv 2406.07162). Files without a
row, and rows without a file, are left out: the release has both. Fold 1 is the published test part. Its
speakers also train, and the sexes are those of the six main characters. The authors count the speakers of
each part (260, 47 and 100); the sum without repetition is that of EmoBox.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.tables import find_file, read_table
from training.data.corpora.utterance import Utterance, named_files
from training.errors import TrainingError

EMOTIONS = {
    "anger": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "joy": "happiness",
    "neutral": "neutral",
    "sadness": "sadness",
    "surprise": "surprise",
}
SEXES = {"Chandler": "m", "Joey": "m", "Ross": "m", "Monica": "f", "Phoebe": "f", "Rachel": "f"}
PARTS = {
    "train_splits": "train_sent_emo.csv",
    "dev_splits_complete": "dev_sent_emo.csv",
    "output_repeated_splits_test": "test_sent_emo.csv",
}
TEST = "output_repeated_splits_test"
COLUMNS = ("Dialogue_ID", "Utterance_ID", "Speaker", "Emotion")
FILE_NAME = re.compile(r"dia(?P<dialog>\d+)_utt(?P<utterance>\d+)")

FACTS = CorpusFacts(
    name="meld",
    title="MELD, English TV series",
    citation=(
        "Poria et al. 2019, MELD: A Multimodal Multi-Party Dataset for Emotion Recognition in "
        "Conversations, ACL, arXiv 1810.02508"
    ),
    terms="annotations GPL-3.0; the audio belongs to the owners of the series",
    source="https://affective-meld.github.io, then extract the audio of the videos (see the reader)",
    languages=("en",),
    n_speakers=304,
    n_utterances=13708,
    labels=tuple(EMOTIONS.values()),
    example="train_splits/dia0_utt0.wav",
    needs=tuple(PARTS.values()),
    folds="the test part",
)


def read(folder: Path) -> list[Utterance]:
    """Read the labeled utterances in a folder whose audio was extracted.

    Raises:
        TrainingError: the folder does not exist, or contains no audio of the corpus or not all tables, or a
            label is unknown.
    """
    files = named_files(folder, FILE_NAME, FACTS.example)
    rows = {part: _rows(find_file(folder, table)) for part, table in PARTS.items()}
    utterances = []
    for path, match in files:
        part = path.parent.name
        row = rows.get(part, {}).get((match["dialog"], match["utterance"]))
        if row is None:
            continue
        if row["Emotion"] not in EMOTIONS:
            known = ", ".join(EMOTIONS)
            raise TrainingError(
                f"{path}: its Emotion in {PARTS[part]} is {row['Emotion']!r}; known are {known}"
            )
        utterances.append(
            Utterance(
                path=path,
                corpus=FACTS.name,
                emotion=EMOTIONS[row["Emotion"]],
                speaker=f"{FACTS.name}-{row['Speaker']}",
                sex=SEXES.get(row["Speaker"]),
                language="en",
                test_fold=1 if part == TEST else None,
            )
        )
    if not utterances:
        raise TrainingError(f"{folder}: no audio is in a folder named {', '.join(PARTS)}, as {FACTS.example}")
    return utterances


def _rows(table: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Return the rows of a table, by dialog and utterance."""
    return {(row["Dialogue_ID"], row["Utterance_ID"]): row for row in read_table(table, COLUMNS)}
