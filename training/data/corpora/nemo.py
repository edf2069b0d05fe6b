"""nEMO, Polish acted speech (Christop, LREC-COLING 2024).

A file such as `samples/IC0_anger_1.wav` encodes the speaker, the emotion and the sentence. `data.tsv` in
the folder of the corpus has the sexes. The corpus is published without folds.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts
from training.data.corpora.tables import find_file, read_table
from training.data.corpora.utterance import Utterance, named_files

EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness", "surprise")
SEXES = {"female": "f", "male": "m"}
FILE_NAME = re.compile(rf"(?P<speaker>[A-Z]+\d)_(?P<emotion>{'|'.join(EMOTIONS)})_\d+")

FACTS = CorpusFacts(
    name="nemo",
    title="nEMO, Polish",
    citation="Christop 2024, nEMO: Dataset of Emotional Speech in Polish, LREC-COLING, arXiv 2404.06292",
    terms="CC BY-NC-SA 4.0",
    source="https://github.com/amu-cai/nEMO",
    languages=("pl",),
    n_speakers=9,
    n_utterances=4481,
    labels=EMOTIONS,
    example="samples/IC0_anger_1.wav",
    needs=("data.tsv",),
)


def read(folder: Path) -> list[Utterance]:
    """Read the utterances in a folder.

    Raises:
        TrainingError: the folder does not exist, or contains no file of the corpus, or no `data.tsv`.
    """
    files = named_files(folder, FILE_NAME, FACTS.example)
    rows = read_table(find_file(folder, "data.tsv"), ("speaker_id", "gender"), delimiter="\t")
    sexes = {row["speaker_id"]: SEXES.get(row["gender"]) for row in rows}
    return [
        Utterance(
            path=path,
            corpus=FACTS.name,
            emotion=match["emotion"],
            speaker=f"{FACTS.name}-{match['speaker']}",
            sex=sexes.get(match["speaker"]),
            language="pl",
        )
        for path, match in files
    ]
