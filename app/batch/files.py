"""The text output: timelines on stdout, or one file per recording, such as a page for people."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from app.answers import TimelineAnswer
from app.batch.metadata import FileMetadata
from app.batch.sources import Source
from app.batch.text import as_csv, as_json, as_textgrid
from app.core.files import write_whole
from app.reports.call_page import call_page
from app.reports.page import check_installed

TEXT_FORMATS = {"json": ".json", "csv": ".csv", "textgrid": ".TextGrid", "html": ".html"}


class TextOutput:
    """An output that writes each answer as text."""

    def __init__(
        self,
        form: str,
        folder: Path | None,
        sources: Sequence[Source],
        labels: Sequence[str],
        metadata: FileMetadata,
    ) -> None:
        """Create the output.

        Args:
            form: a key of `TEXT_FORMATS`.
            folder: the folder of the files; None writes all text to stdout.
            sources: the recordings.
            labels: the labels of the model.
            metadata: the metadata of the recordings.

        Raises:
            ValueError: two recordings would share a file, or the extra `bulk` is not installed.
        """
        if form == "html":
            check_installed()
        stems = Counter(Path(source.name).stem for source in sources)
        if folder is not None and stems.most_common(1)[0][1] > 1:
            raise ValueError(f"--output: several recordings share the name {stems.most_common(1)[0][0]}")
        self._sources = list(sources)
        self._form = form
        self._folder = folder
        self._labels = labels
        self._metadata = metadata
        self._first = True
        self._failed: dict[str, str] = {}

    @property
    def left(self) -> list[Source]:
        """All recordings, because the output keeps no answers of an earlier run."""
        return self._sources

    def add(self, source: Source, answer: TimelineAnswer | str) -> None:
        """Write the answer of a recording atomically, or store the reason for its absence."""
        if isinstance(answer, str):
            self._failed[source.name] = answer
            return
        text = self._format(source, answer)
        if self._folder is None:
            tqdm.write(text, file=sys.stdout, end="")
            return
        write_whole(self._folder / f"{Path(source.name).stem}{TEXT_FORMATS[self._form]}", text.encode())

    def _format(self, source: Source, answer: TimelineAnswer) -> str:
        """Format the answer of a recording."""
        first, self._first = self._first, False
        with_metadata = answer.model_copy(update={"metadata": self._metadata.find(source)})
        match self._form:
            case "json":
                return as_json(source.name, with_metadata)
            case "csv":
                header = first or self._folder is not None
                return as_csv(source.name, answer, self._labels, header=header)
            case "html":
                return call_page(source.name, with_metadata, self._labels)
            case _:
                return as_textgrid(answer)

    def close(self) -> None:
        """Do nothing, because `add` has written each answer."""

    def finish(self) -> dict[str, str]:
        """Return the recordings that could not be analyzed, with the reasons."""
        return self._failed
