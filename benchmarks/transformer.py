"""A network of the size of wav2vec 2.0 base as a baseline. It needs torch.

The network has seven convolutions of 512 channels with one frame per 20 ms, then twelve transformer layers
of width 768, in total 94 million parameters (Baevski et al. 2020, arXiv 2006.11477, section 4.2). Its
weights are random, because they do not affect the time.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

KERNELS = (10, 3, 3, 3, 3, 2, 2)
STRIDES = (5, 2, 2, 2, 2, 2, 2)
CHANNELS, WIDTH, HIDDEN, HEADS, LAYERS = 512, 768, 3072, 12, 12


def on_one_core() -> Callable[[NDArray[np.float32]], object]:
    """Return a function that runs the network on one core. Its input has shape (1, n_samples) at 16 kHz."""
    torch.set_num_threads(1)
    convolutions = []
    for number, (kernel, stride) in enumerate(zip(KERNELS, STRIDES, strict=True)):
        convolutions += [
            torch.nn.Conv1d(CHANNELS if number else 1, CHANNELS, kernel, stride),
            torch.nn.GELU(),
        ]
    front = torch.nn.Sequential(*convolutions)
    projection = torch.nn.Linear(CHANNELS, WIDTH)
    layer = torch.nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, batch_first=True)
    network = torch.nn.TransformerEncoder(layer, LAYERS).eval()

    def run(samples: NDArray[np.float32]) -> object:
        with torch.inference_mode():
            frames = front(torch.from_numpy(samples)[None])
            return network(projection(frames.transpose(1, 2)))

    return run
