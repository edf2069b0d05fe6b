"""Problems of a data set, in the order of their danger for a result.

The most dangerous problem makes a score too good without a sign of it: a copy of a recording on both sides
of a split. Then come problems that stop a training or bias it, then facts that are only worth knowing.
"""

from collections.abc import Callable, Iterator, Sequence

from training.data.corpora import Utterance
from training.data.corpus_counts import LEFT, NOT_KNOWN, by_corpus
from training.data.duplicates import Copies
from training.data.finding import Data, Finding, Severity, number, plural, recordings
from training.data.folds import make_folds
from training.data.labels import relabel
from training.data.recording_facts import RecordingFacts
from training.errors import TrainingError

N_FOLDS, SEED = 5, 1
"""The default folds of `python -m training train`."""

CLIPPED = 1e-3
"""The share of samples at full scale above which a recording counts as clipped. Our choice: one sample in a
thousand."""

SHORTEST = 0.1
"""The duration in seconds below which no feature can be computed (`app.core.log_mel`)."""


def apart(copies: Copies, utterances: Sequence[Utterance]) -> list[str]:
    """Return in what the recordings of a group differ, the most dangerous first.

    Returns:
        Some of `folds` (parts of a published fold), `speakers`, `corpora` and `labels`.
    """
    members = [utterances[index] for index in copies.members]
    differs = {
        "folds": any(len({one.test_fold for one in part}) > 1 for part in by_corpus(members).values()),
        "speakers": len({one.speaker for one in members}) > 1,
        "corpora": len({one.corpus for one in members}) > 1,
        "labels": len({one.emotion for one in members}) > 1,
    }
    return [name for name, different in differs.items() if different]


def find_problems(data: Data) -> list[Finding]:
    """Return the problems of a data set, the most dangerous first."""
    findings = [finding for check in CHECKS for finding in check(data)]
    order: list[Severity] = ["critical", "warning", "info"]
    return sorted(findings, key=lambda one: order.index(one.severity))


Check = Callable[[Data], Iterator[Finding]]
Applies = Callable[[RecordingFacts], bool]


def _copies(data: Data) -> Iterator[Finding]:
    """Find copies on both sides of a split."""
    texts: dict[str, tuple[Severity, str, str]] = {
        "folds": (
            "critical",
            "{n} are in two parts of a published fold as copies of each other",
            "Scores on the published folds are too good. Remove the copies, or say so beside the scores.",
        ),
        "speakers": (
            "critical",
            "{n} have copies under another speaker",
            "Speaker-independent folds may train and test on one sound. Correct the speakers or remove one.",
        ),
        "corpora": (
            "critical",
            "{n} have copies in another corpus",
            "A test on a corpus that did not train is then no such test. Leave out one of the two.",
        ),
        "labels": (
            "critical",
            "{n} have copies with another label",
            "At least one of the labels is wrong. Listen, and correct or remove the recordings.",
        ),
        "": (
            "warning",
            "{n} have copies of the same speaker, with the same label",
            "They count more than once, in training and in scores. Keep one of each group.",
        ),
    }
    for name, (severity, text, advice) in texts.items():
        groups = [
            one
            for one in data.copies
            if (name in (found := apart(one, data.utterances))) or (not name and not found)
        ]
        n = sum(len(one.members) for one in groups)
        if groups:
            yield Finding(f"copies-{name or 'same'}", severity, n, text.format(n=recordings(n)), advice)


def _undecodable(data: Data) -> Iterator[Finding]:
    """Find recordings that cannot be decoded."""
    n = sum(isinstance(one, str) for one in data.facts)
    if n:
        yield Finding(
            "undecodable",
            "warning",
            n,
            f"{recordings(n)} cannot be decoded",
            "Convert or repair them, or train with --skip-undecodable. The list is at the end.",
        )


def _labels(data: Data) -> Iterator[Finding]:
    """Find labels without a target, and labels that too few speakers have."""
    unknown = sorted({one.emotion for one in data.utterances if data.target(one) == NOT_KNOWN})
    if unknown:
        yield Finding(
            "unknown-labels",
            "critical",
            len(unknown),
            f"{number(len(unknown), 'label is', 'labels are')} not in the mapping",
            "The training refuses them. Map them (--labels FILE), or use --protocol published-folds.",
            tuple(unknown),
        )
    left = sorted({one.emotion for one in data.utterances if data.target(one) == LEFT})
    if left:
        n = sum(one.emotion in left for one in data.utterances)
        yield Finding(
            "left-out-labels",
            "info",
            n,
            f"{number(n, 'recording has', 'recordings have')} a label that the mapping leaves out",
            "Only --protocol published-folds, or another mapping (--labels FILE), uses them.",
            tuple(left),
        )
    speakers = {
        target: {one.speaker for one in data.utterances if data.target(one) == target}
        for target in data.mapping.labels
    }
    few = [f"{target} ({len(names)})" for target, names in speakers.items() if 0 < len(names) < N_FOLDS]
    if few:
        yield Finding(
            "few-speakers",
            "critical",
            len(few),
            f"{number(len(few), 'label has', 'labels have')} fewer speakers than {N_FOLDS} folds",
            "A fold without a label cannot be scored. Use fewer folds (--folds), or add speakers.",
            tuple(few),
        )


def _default_folds(data: Data) -> Iterator[Finding]:
    """Try to cut the default folds."""
    known = [one for one in data.utterances if data.target(one) != NOT_KNOWN]
    try:
        make_folds(relabel(known, data.mapping), "speaker-independent", N_FOLDS, SEED)
    except TrainingError as error:
        yield Finding(
            "default-folds",
            "critical",
            1,
            f"The {N_FOLDS} default folds cannot be cut",
            "The training stops with the message below. Use fewer folds (--folds), or add speakers.",
            (str(error),),
        )


def _speakers(data: Data) -> Iterator[Finding]:
    """Find speakers with one label, with two sexes, in two corpora, and on both sides of published folds."""
    by_speaker: dict[str, list[Utterance]] = {}
    for one in data.utterances:
        by_speaker.setdefault(one.speaker, []).append(one)
    single = [name for name, part in by_speaker.items() if len({one.emotion for one in part}) == 1]
    if single:
        yield Finding(
            "one-label",
            "warning",
            len(single),
            f"{number(len(single), 'speaker has', 'speakers have')} one label only",
            "A model can learn the voice instead of the emotion. Only speaker-independent folds show this.",
            tuple(sorted(single)),
        )
    mixed = [name for name, part in by_speaker.items() if len({one.sex for one in part}) > 1]
    if mixed:
        yield Finding(
            "two-sexes",
            "warning",
            len(mixed),
            f"{number(len(mixed), 'speaker has', 'speakers have')} more than one sex",
            "Two people may have one name, and then stay in one fold. Correct the table.",
            tuple(sorted(mixed)),
        )
    shared = [name for name, part in by_speaker.items() if len({one.corpus for one in part}) > 1]
    if shared:
        yield Finding(
            "speaker-in-corpora",
            "info",
            len(shared),
            f"{number(len(shared), 'speaker is', 'speakers are')} in more than one corpus",
            "They count as one person. Rename them if they are not.",
            tuple(sorted(shared)),
        )
    for name, part in by_corpus(data.utterances).items():
        crossing = speakers_in_two_parts(part)
        if crossing:
            yield Finding(
                "speakers-across-folds",
                "warning",
                len(crossing),
                f"{name}: {number(len(crossing), 'speaker is', 'speakers are')} in two parts of a fold",
                "Scores on these published folds are not speaker-independent. Say so beside them.",
                tuple(crossing),
            )


def speakers_in_two_parts(utterances: Sequence[Utterance]) -> list[str]:
    """Return the speakers of a corpus that are in the training and in the test part of a published fold."""
    folds: dict[str, set[int | None]] = {}
    for one in utterances:
        folds.setdefault(one.speaker, set()).add(one.test_fold)
    return sorted(name for name, numbers in folds.items() if len(numbers) > 1)


SIGNAL_CHECKS: tuple[tuple[str, Severity, Applies, str, str], ...] = (
    (
        "silent",
        "warning",
        lambda of: of.level is None,
        "has no sound",
        "They carry a label without any speech. Remove them.",
    ),
    (
        "short",
        "warning",
        lambda of: of.duration < SHORTEST,
        f"is shorter than {SHORTEST:g} s",
        "They have no features. Remove them.",
    ),
    (
        "no-speech",
        "warning",
        lambda of: of.level is not None and of.speech == 0,
        "has no speech for the speech detector",
        "Listen to some of them.",
    ),
    (
        "clipped",
        "warning",
        lambda of: of.clipped > CLIPPED,
        f"has more than {100 * CLIPPED:g} % of its samples at full scale",
        "Clipping sounds like a loud voice. Look whether one label has most of them.",
    ),
    (
        "several-channels",
        "info",
        lambda of: of.n_channels > 1,
        "has more than one channel",
        "The training uses the mean of the channels.",
    ),
)
"""The checks of a recording: kind, severity, whether it applies, what the recording has, and advice."""


def _signals(data: Data) -> Iterator[Finding]:
    """Find recordings whose sound has a problem."""
    facts = [
        (one, of) for one, of in zip(data.utterances, data.facts, strict=True) if not isinstance(of, str)
    ]
    for kind, severity, applies, text, advice in SIGNAL_CHECKS:
        names = [str(one.path) for one, of in facts if applies(of)]
        if names:
            yield Finding(
                kind,
                severity,
                len(names),
                f"{recordings(len(names))} {text if len(names) == 1 else plural(text)}",
                advice,
                tuple(names),
            )
    rates = sorted({of.sampling_rate for _, of in facts})
    if len(rates) > 1:
        yield Finding(
            "sampling-rates",
            "info",
            len(rates),
            f"The recordings have {len(rates)} sampling rates",
            "A model can learn the rate. Look whether the labels are spread over all of them.",
            tuple(f"{rate:,} Hz" for rate in rates),
        )


CHECKS: tuple[Check, ...] = (_copies, _default_folds, _labels, _undecodable, _speakers, _signals)
"""The checks; problems of one severity stay in this order."""
