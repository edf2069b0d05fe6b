"""Training of the encoder of voices on emotional speech, so that an emotion changes an embedding less.

The published encoder learned from calm speech (see `training.encoder.speaker_encoder`): to it, a calm voice
and the same voice in anger are two speakers. The training continues from its weights. The embeddings of a
voice shall be similar, and those of other voices of the same corpus and sex different (supervised contrastive
loss, Khosla et al. 2020, arXiv 2004.11362). The loss compares embeddings relative to the mean of the compared
voices, as `app.core.diarization` does. Each crop has another noise, line and level, and each group of voices
another speed, so that the encoder does not learn these. More steps make the encoder forget the many voices
that it knew: `docs/experiments.md`, "Separating speakers", has the choice of the constants.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from app.core.audio import Signal, decode, resample
from app.core.log_mel import SAMPLING_RATE
from app.core.segments import FRAME
from app.core.speaker_encoder import N_MELS, SIZE, mel_spectra
from training.data.call_builder import speech_frames
from training.data.codecs import TELEPHONE_RATE
from training.data.conditions import call, noisy
from training.data.corpora import Utterance
from training.errors import TrainingError

Weights = Mapping[str, NDArray[np.float32]]
Samples = NDArray[np.float32]
Groups = Sequence[Mapping[str, Sequence[Samples]]]
"""The speech of each voice by speaker, for each corpus and sex with at least two voices."""

N_STEPS = 300
LEARNING_RATE = 1e-4
WARM_UP = 0.1
"""The share of the steps in which the learning rate rises. Then it falls as a half cosine. Not tuned."""

STAY = 1e-3
"""The weight of the squared distance to the published weights."""

TEMPERATURE = 0.1
"""The scale of cosines in the loss. Not tuned."""

MAX_NORM = 1.0
"""The largest norm of a gradient. Not tuned."""

N_GROUPS, N_VOICES, N_CROPS = 4, 6, 8
"""The groups of a step, the voices of a group, and the crops of a voice. Not tuned."""

FRAMES = (60, 100, 130, 160)
"""The possible numbers of frames of 10 ms in all crops of a step. Not tuned."""

SPEED = (0.87, 1.15)
"""The range of the factor of speed and pitch. Not tuned."""

VOICE_SPEED = 0.03
"""The standard deviation of the logarithm of a further factor for half of the voices of a step. Not tuned."""

DECIBELS = (6.0, 25.0)
"""The range of the signal-to-noise ratio in dB. Not tuned."""

GAIN = (-15.0, 0.0)
"""The range of the gain in dB. Not tuned."""

HEADROOM = 1.02
"""The share of samples that a crop has beside its frames. Not tuned."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The crops of one step.

    Attributes:
        spectra: the mel spectra, float32, shape (n, n_frames, 40).
        voices: the number of the voice of each crop, shape (n,).
        groups: the number of the group of each crop, shape (n,).
    """

    spectra: NDArray[np.float32]
    voices: NDArray[np.int64]
    groups: NDArray[np.int64]


def train_voices(weights: Weights, utterances: Sequence[Utterance], *, seed: int = 0) -> Weights:
    """Continue the training of the encoder.

    Args:
        weights: the published weights, by the names of torch.
        utterances: the speech of the voices.
        seed: the seed of the draws.

    Returns:
        The new weights, with the same names and shapes.

    Raises:
        TrainingError: no corpus has two voices of one sex, or torch is not installed.
    """
    try:
        import torch  # noqa: PLC0415  # only this command needs it
    except ImportError as error:
        raise TrainingError("--corpus: install torch to train on voices, for this command only") from error
    groups = load_voices(utterances)
    torch.set_num_threads(1)  # with more, the sums would depend on the number of processors
    random = np.random.default_rng(seed)
    lstm = torch.nn.LSTM(N_MELS, SIZE, num_layers=3, batch_first=True)
    linear = torch.nn.Linear(SIZE, SIZE)
    network = torch.nn.ModuleDict({"lstm": lstm, "linear": linear})
    network.load_state_dict(
        {name: torch.from_numpy(np.array(weights[name])) for name in network.state_dict()}
    )
    published = [parameter.detach().clone() for parameter in network.parameters()]
    optimizer = torch.optim.Adam(network.parameters())
    for step in tqdm(range(1, N_STEPS + 1), "voices"):
        optimizer.param_groups[0]["lr"] = _learning_rate(step)
        batch = draw(groups, random)
        _, (states, _) = lstm(torch.from_numpy(batch.spectra))
        loss = contrastive_loss(torch.relu(linear(states[-1])), batch)
        pairs = zip(network.parameters(), published, strict=True)
        loss = loss + STAY * sum(((one - other) ** 2).sum() for one, other in pairs)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), MAX_NORM)
        optimizer.step()
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def load_voices(utterances: Sequence[Utterance]) -> Groups:
    """Load the speech of each voice at 8 kHz, without the silence before and after it.

    Raises:
        TrainingError: no corpus has two voices of one sex.
    """
    groups: dict[tuple[str, str], dict[str, list[Samples]]] = {}
    for utterance in utterances:
        samples = resample(decode(utterance.path.read_bytes()), TELEPHONE_RATE).samples[0]
        speaking = np.flatnonzero(speech_frames(samples))
        if len(speaking):
            n_frame = round(FRAME * TELEPHONE_RATE)
            spoken = samples[speaking[0] * n_frame : (speaking[-1] + 1) * n_frame]
            voices = groups.setdefault((utterance.corpus, utterance.sex or ""), {})
            voices.setdefault(utterance.speaker, []).append(spoken)
    found = [voices for voices in groups.values() if len(voices) > 1]
    if not found:
        raise TrainingError("--corpus: at least two speakers of one corpus and sex are needed")
    return found


def draw(groups: Groups, random: np.random.Generator) -> Batch:
    """Draw the crops of one step. A group with more voices is drawn more often."""
    chances = np.sqrt([min(len(voices), 2 * N_VOICES) for voices in groups])
    n_frames = int(random.choice(FRAMES))
    spectra, voices, numbers = [], [], []
    n_voices = 0
    for number, index in enumerate(random.choice(len(groups), N_GROUPS, p=chances / chances.sum())):
        speed = float(np.exp(random.uniform(*np.log(SPEED))))
        for speaker in random.permutation(sorted(groups[index]))[:N_VOICES]:
            spoken = groups[index][speaker]
            own_speed = speed * np.exp(random.normal(0, VOICE_SPEED)) if random.random() < 1 / 2 else speed
            for place in random.choice(len(spoken), N_CROPS, replace=len(spoken) < N_CROPS):
                spectra.append(_crop(spoken[place], n_frames, own_speed, random))
                voices.append(n_voices)
                numbers.append(number)
            n_voices += 1
    return Batch(np.stack(spectra), np.array(voices), np.array(numbers))


def contrastive_loss(embeddings: Any, batch: Batch) -> Any:  # noqa: ANN401  # tensors of torch, which is optional
    """Return the supervised contrastive loss inside each group of a batch.

    Args:
        embeddings: the embeddings, of any length, shape (n, 256).
        batch: the voices and groups of the embeddings.
    """
    import torch  # noqa: PLC0415

    voices, groups = torch.from_numpy(batch.voices), torch.from_numpy(batch.groups)
    normalize = torch.nn.functional.normalize
    members = (groups[:, None] == groups[None]).float()
    unit = normalize(embeddings, dim=1)
    relative = normalize(unit - members @ unit / members.sum(dim=1, keepdim=True), dim=1)
    itself = torch.eye(len(voices), dtype=torch.bool)
    compared = (members > 0) & ~itself
    logits = relative @ relative.T / TEMPERATURE
    log_shares = logits - torch.logsumexp(logits.masked_fill(~compared, -torch.inf), dim=1, keepdim=True)
    same = (voices[:, None] == voices[None]) & ~itself
    return -((log_shares * same).sum(dim=1) / same.sum(dim=1)).mean()


def _crop(samples: Samples, n_frames: int, speed: float, random: np.random.Generator) -> NDArray[np.float32]:
    """Return the mel spectra of a random crop by telephone; a short recording is repeated."""
    n_samples = round(n_frames * FRAME * TELEPHONE_RATE * speed * HEADROOM)
    start = int(random.integers(max(len(samples) - n_samples, 0) + 1))
    taken = np.resize(samples[start : start + n_samples], n_samples)
    faster = resample(Signal(taken[np.newaxis], round(TELEPHONE_RATE * speed)), TELEPHONE_RATE)
    heard = call(noisy(faster, random, decibels=random.uniform(*DECIBELS)), random).samples
    peak = max(float(np.abs(heard).max()), 1e-6)
    loud = (heard / peak * 10 ** (random.uniform(*GAIN) / 20)).astype(np.float32)
    return mel_spectra(resample(Signal(loud, TELEPHONE_RATE), SAMPLING_RATE))[:n_frames]


def _learning_rate(step: int) -> float:
    """Return the learning rate of a step, counted from 1."""
    warm = min(step / (WARM_UP * N_STEPS), 1.0)
    return float(LEARNING_RATE * warm * (1 + np.cos(np.pi * step / N_STEPS)) / 2)
