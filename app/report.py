"""Timelines as text, on stdout or a file for each recording."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from app.api.schemas import TimelineAnswer
from app.formats import as_csv, as_json, as_textgrid
from app.sources import Source

SUFFIXES = {"json": ".json", "csv": ".csv", "textgrid": ".TextGrid"}


class Report:
    """Where answers go, in the form that was asked for.

    Attributes:
        left: the recordings that are to be analysed: all.
    """

    def __init__(
        self, form: str, folder: Path | None, sources: Sequence[Source], labels: Sequence[str]
    ) -> None:
        """Describe it.

        Args:
            form: one of `SUFFIXES`.
            folder: of the files; None: all goes to stdout.
            sources: the recordings.
            labels: of the model.

        Raises:
            ValueError: two recordings would be one file.
        """
        stems = Counter(Path(source.name).stem for source in sources)
        if folder is not None and stems.most_common(1)[0][1] > 1:
            raise ValueError(f"--output: more than one file would be {stems.most_common(1)[0][0]}")
        self.left = list(sources)
        self._form = form
        self._folder = folder
        self._labels = labels
        self._first = True
        self._failed: dict[str, str] = {}

    def add(self, source: Source, answer: TimelineAnswer | str) -> None:
        """Write the answer of a recording, whole or not at all, or note why there is none."""
        if isinstance(answer, str):
            self._failed[source.name] = answer
            return
        first, self._first = self._first, False
        match self._form:
            case "json":
                text = as_json(source.name, answer)
            case "csv":
                text = as_csv(source.name, answer, self._labels, header=first or self._folder is not None)
            case _:
                text = as_textgrid(answer)
        if self._folder is None:
            tqdm.write(text, file=sys.stdout, end="")
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / f"{Path(source.name).stem}{SUFFIXES[self._form]}"
        beside = target.with_name(f".{target.name}.part")
        beside.write_text(text, encoding="utf-8")
        beside.replace(target)

    def close(self) -> None:
        """Everything is written already."""

    def finish(self) -> dict[str, str]:
        """The recordings that could not be analysed, and why."""
        return self._failed
