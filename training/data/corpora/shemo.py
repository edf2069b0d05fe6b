"""ShEMO, the Sharif emotional speech database, Persian (Nezami et al., LREV 2019).

A file name such as `F01A05` encodes sex and speaker, the emotion as a letter, and a number. The
corrected labels of arXiv 2211.09956 (`modified_shemo.json`), if given, replace the letter. The abstract says
that the corpus is "available for academic purposes free of charge" (arXiv 1906.01155). The copy of its second
author says Apache-2.0 (huggingface.co/datasets/pariajm/sharif_emotional_speech_dataset). There are no folds
here: EmoBox (arXiv 2406.07162) draws a quarter of the utterances at random, and its list is not part of the
corpus.
"""

import json
import re
from pathlib import Path

from training.data.corpora.facts import EMOBOX, CorpusFacts, Published
from training.data.corpora.utterance import Utterance, named_files
from training.errors import TrainingError

EMOTIONS = {
    "A": "anger",
    "W": "surprise",
    "H": "happiness",
    "S": "sadness",
    "N": "neutral",
    "F": "fear",
}
FILE_NAME = re.compile(r"(?P<speaker>(?P<sex>[FM])\d\d)(?P<emotion>[AWHSNF])\d+")

MIXED = "five folds, speakers in several parts"
SIX = "EmoBox: six labels, one fold, 83 speakers on both sides"
FACTS = CorpusFacts(
    name="shemo",
    title="ShEMO, Persian",
    citation=(
        "Mohamad Nezami et al. 2019, ShEMO: a large-scale validated database for Persian speech emotion "
        "detection, Language Resources and Evaluation 53(1), doi:10.1007/s10579-018-9427-x"
    ),
    terms="free for academic purposes; Apache-2.0 in a copy of an author",
    source="https://github.com/mansourehk/ShEMO",
    languages=("fa",),
    n_speakers=87,
    n_utterances=3000,
    labels=tuple(EMOTIONS.values()),
    example="female/F01A05.wav",
    published=(
        Published("SVM, eGeMAPS", f"{MIXED}; labels by letter", 58.67, 72.96, "arXiv 2211.09956"),
        Published("SVM, eGeMAPS", f"{MIXED}; corrected labels", 61.24, 76.15, "arXiv 2211.09956"),
        Published(
            "CNN, emo_large",
            f"{MIXED}; corrected; UAR is a mean over batches",
            66.12,
            79.68,
            "arXiv 2211.09956",
        ),
        Published("1-D CNN (paper-cnn)", MIXED, 65.20, 78.29, "arXiv 2204.13601"),
        Published("wav2vec 2.0 base", SIX, 56.34, 78.96, EMOBOX),
        Published("HuBERT large", SIX, 64.29, 83.35, EMOBOX),
        Published("WavLM large", SIX, 71.72, 87.13, EMOBOX),
        Published("Whisper large v3", SIX, 80.23, 89.55, EMOBOX),
    ),
)


def read(folder: Path, labels: Path | None = None) -> list[Utterance]:
    """Read the utterances in a folder.

    Args:
        folder: the folder of the corpus.
        labels: the path of `modified_shemo.json`; None uses the letter of the file name.

    Raises:
        TrainingError: the folder does not exist or contains no file of the corpus, or the labels cannot
            be read or lack a file.
    """
    corrected = None if labels is None else _corrected(labels)
    utterances = []
    for path, match in named_files(folder, FILE_NAME, FACTS.example):
        if corrected is None:
            emotion = EMOTIONS[match["emotion"]]
        elif path.stem in corrected:
            emotion = corrected[path.stem]
        else:
            raise TrainingError(f"{labels}: has no label for {path.name}")
        utterances.append(
            Utterance(
                path=path,
                corpus=FACTS.name,
                emotion=emotion,
                speaker=f"{FACTS.name}-{match['speaker']}",
                sex=match["sex"].lower(),
                language="fa",
            )
        )
    return utterances


def _corrected(labels: Path) -> dict[str, str]:
    """Return the corrected emotion of each file, by its name without suffix."""
    try:
        entries = json.loads(labels.read_text(encoding="utf-8"))
        return {Path(name).stem: entry["emotion"] for name, entry in entries.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise TrainingError(f"{labels}: cannot be read as modified_shemo.json ({error!r})") from error
