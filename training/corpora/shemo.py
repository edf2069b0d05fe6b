"""ShEMO, the Sharif emotional speech database, Persian (Nezami et al., LREV 2019).

A file is named `F01A05`: sex and speaker, a letter for the emotion, a number. The corrected
labels of arXiv 2211.09956 (`modified_shemo.json`) overrule the letter where they are given.
"""

import json
import re
from pathlib import Path

from training.corpora.utterance import Utterance, named_files
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


def read(folder: Path, labels: Path | None = None) -> list[Utterance]:
    """Read the utterances in a folder.

    Args:
        folder: the corpus.
        labels: `modified_shemo.json`; None takes the letter of the file name.

    Raises:
        TrainingError: no such folder or nothing of the corpus in it, or the labels cannot be
            read or lack a file.
    """
    corrected = None if labels is None else _corrected(labels)
    utterances = []
    for path, match in named_files(folder, FILE_NAME):
        if corrected is None:
            emotion = EMOTIONS[match["emotion"]]
        elif path.stem in corrected:
            emotion = corrected[path.stem]
        else:
            raise TrainingError(f"{labels}: has no label for {path.name}")
        utterances.append(
            Utterance(
                path=path,
                corpus="shemo",
                emotion=emotion,
                speaker=f"shemo-{match['speaker']}",
                sex=match["sex"].lower(),
                language="fa",
            )
        )
    return utterances


def _corrected(labels: Path) -> dict[str, str]:
    """The corrected emotion of each file, by its name without suffix."""
    try:
        entries = json.loads(labels.read_text(encoding="utf-8"))
        return {Path(name).stem: entry["emotion"] for name, entry in entries.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise TrainingError(f"{labels}: cannot be read as modified_shemo.json ({error!r})") from error
