"""EMO-DB, the Berlin database of emotional speech (Burkhardt et al., Interspeech 2005).

A file name such as `03a01Fa` encodes speaker 03, text a01, emotion F (the first letter of the German
word) and take a. The authors ask research to cite the publication (http://database.syntheticspeech.de). The
data card of audEERING says CC0 1.0, and names the same sexes (github.com/audeering/datasets,
`datasets/emodb.html`, version 1.4.1). There are no folds here: EmoBox (arXiv 2406.07162) draws them at
random, and its lists are not part of the corpus.
"""

import re
from pathlib import Path

from training.data.corpora.facts import CorpusFacts, emobox
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

FACTS = CorpusFacts(
    name="emodb",
    title="EMO-DB, German",
    citation=(
        "Burkhardt et al. 2005, A Database of German Emotional Speech, Interspeech, "
        "doi:10.21437/Interspeech.2005-446"
    ),
    terms="free for research; no license text of the authors seen; CC0 1.0 on audEERING's data card",
    source="http://emodb.bilderbar.info",
    languages=("de",),
    n_speakers=10,
    n_utterances=535,
    labels=tuple(EMOTIONS.values()),
    example="wav/03a01Fa.wav",
    published=emobox(
        {"wav2vec 2.0 base": 82.06, "HuBERT base": 87.73, "WavLM large": 92.58, "Whisper large v3": 91.26}, 5
    ),
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
            sex="m" if match["speaker"] in MEN else "f",
            language="de",
        )
        for path, match in named_files(folder, FILE_NAME, FACTS.example)
    ]
