"""EMO-DB, the Berlin database of emotional speech (Burkhardt et al., Interspeech 2005).

A file name such as `03a01Fa` encodes speaker 03, text a01, emotion F (the first letter of the German
word) and take a.
"""

import re
from pathlib import Path

from training.data.corpora.utterance import Utterance, named_files

EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
MEN = {"03", "10", "11", "12", "15"}
FILE_NAME = re.compile(r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[WLEAFTN])[a-z]")


def read(folder: Path) -> list[Utterance]:
    """Read the utterances in a folder.

    Raises:
        TrainingError: the folder does not exist, or contains no file of the corpus.
    """
    return [
        Utterance(
            path=path,
            corpus="emodb",
            emotion=EMOTIONS[match["emotion"]],
            speaker=f"emodb-{match['speaker']}",
            sex="m" if match["speaker"] in MEN else "f",
            language="de",
        )
        for path, match in named_files(folder, FILE_NAME)
    ]
