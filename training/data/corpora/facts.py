"""The facts of a corpus that its reader cannot see in the files: origin, terms, size and layout."""

from dataclasses import dataclass

EMOBOX = "EmoBox, arXiv 2406.07162"
"""The benchmark whose published folds many readers have."""


@dataclass(frozen=True, slots=True)
class Published:
    """A published result on a corpus.

    Attributes:
        model: the model and its features.
        test: the test: labels, folds, speakers.
        uar: the UAR in percent; None if it is not published.
        accuracy: the accuracy in percent; None if it is not published.
        source: the publication.
    """

    model: str
    test: str
    uar: float | None
    accuracy: float | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusFacts:
    """The published facts of a corpus.

    Attributes:
        name: the name of the corpus in `--corpus NAME=FOLDER`, and in every utterance.
        title: the title and the language, for the model card.
        citation: the publication to cite, with a DOI, an arXiv number or an address.
        terms: the license or the terms of use, for the model card.
        source: how to get the corpus.
        languages: the ISO 639 codes of its languages.
        n_speakers: the published number of speakers; None if it depends on the release.
        n_utterances: the published number of utterances; None if it depends on the release.
        labels: the corpus's own labels, in English and lower case.
        example: the path of one recording in the folder of the corpus.
        needs: the paths of further files in the folder that the reader needs, without audio.
        folds: the origin of the folds in `test_fold`, or an empty string if the reader knows none.
        published: published results, which `compare` prints beside its own.
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
    published: tuple[Published, ...] = ()


def emobox(uars: dict[str, float], n_folds: int) -> tuple[Published, ...]:
    """Return results of EmoBox on its folds, with the corpus's own labels.

    Args:
        uars: the UAR of each model, in percent.
        n_folds: the number of the folds.
    """
    test = f"published-folds ({n_folds})"
    return tuple(Published(model, test, uar, None, EMOBOX) for model, uar in uars.items())
