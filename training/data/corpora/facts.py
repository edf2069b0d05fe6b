"""The facts of a corpus that its reader cannot see in the files: origin, terms, size and layout."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusFacts:
    """What the publication of a corpus says about it.

    Attributes:
        name: the name of the corpus in `--corpus NAME=FOLDER`, and in every utterance.
        title: the title and the language, for the model card.
        citation: the publication to cite.
        terms: the license or the terms of use, for the model card.
        source: how to get the corpus.
        languages: the ISO 639 codes of its languages.
        n_speakers: the published number of speakers; None if it depends on the release.
        n_utterances: the published number of utterances; None if it depends on the release.
        labels: the corpus's own labels, in English and lower case.
        example: the path of one recording in the folder of the corpus.
        needs: the paths of further files in the folder that the reader needs, without audio.
        folds: the origin of the folds in `test_fold`, or an empty string if the reader knows none.
    """

    name: str
    title: str
    citation: str
    terms: str
    source: str
    languages: tuple[str, ...]
    n_speakers: int | None
    n_utterances: int | None
    labels: tuple[str, ...]
    example: str
    needs: tuple[str, ...] = ()
    folds: str = ""
