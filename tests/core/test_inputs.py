import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soxr

from app.core.audio import Signal, decode
from app.core.bundle import read_bundle
from app.core.inputs import InputExtractor
from app.core.log_mel import log_mel_spectrogram
from app.core.recognizer import EmotionRecognizer
from testing import bundles
from testing.recordings import EXAMPLE, ROOT


def test_a_bundle_on_spectrograms_gets_only_the_spectrogram(tmp_path: Path) -> None:
    bundle = read_bundle(bundles.write(tmp_path, inputs=("log_mel",)))
    signal = decode(EXAMPLE.read_bytes())
    inputs = InputExtractor(bundle).extract(signal)
    assert set(inputs) == {"log_mel"}
    np.testing.assert_array_equal(inputs["log_mel"][0], log_mel_spectrogram(signal))


def test_a_bundle_can_use_features_and_the_spectrogram(tmp_path: Path) -> None:
    bundle = read_bundle(
        bundles.write(tmp_path, level="functionals and descriptors", inputs=("opensmile", "log_mel"))
    )
    inputs = InputExtractor(bundle).extract(decode(EXAMPLE.read_bytes()))
    assert set(inputs) == {"features", "descriptors", "log_mel"}
    assert EmotionRecognizer(bundle).recognize(decode(EXAMPLE.read_bytes())).emotion in bundles.LABELS


def test_a_bundle_without_opensmile_features_never_loads_opensmile(tmp_path: Path) -> None:
    folder = bundles.write(tmp_path, inputs=("log_mel",))
    program = (
        "import sys; from pathlib import Path\n"
        "from app.core.audio import decode\n"
        "from app.core.bundle import read_bundle\n"
        "from app.core.recognizer import EmotionRecognizer\n"
        f"recognizer = EmotionRecognizer(read_bundle(Path({str(folder)!r})))\n"
        f"print(recognizer.recognize(decode(Path({str(EXAMPLE)!r}).read_bytes())).emotion)\n"
        "assert 'app.core.binding' not in sys.modules, 'openSMILE was loaded'\n"
        "assert 'SMILEapi' not in Path('/proc/self/maps').read_text(), 'openSMILE was loaded'\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() in bundles.LABELS


def test_a_signal_is_resampled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = read_bundle(bundles.write(tmp_path, inputs=("opensmile", "log_mel")))
    recognizer = EmotionRecognizer(bundle)
    example = decode(EXAMPLE.read_bytes())
    doubled = Signal(np.repeat(example.samples, 2, axis=1), 32_000)
    calls = 0

    def count(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        return original(*arguments)

    original = soxr.resample
    monkeypatch.setattr(soxr, "resample", count)
    assert recognizer.recognize(doubled).emotion in bundles.LABELS
    assert calls == 1
