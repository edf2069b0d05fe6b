"""The Python binding of the openSMILE C library, and the folder of the openSMILE configurations.

`import opensmile` loads `opensmile.Smile`, which needs pandas. That import takes two seconds and tens of
megabytes in every worker, although the service needs no tables. The binding itself, `opensmile.core.lib`,
needs only NumPy. This module loads the binding without the package around it.
"""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING


def _core() -> Path:
    """Return the folder of `opensmile.core` without an import."""
    package = find_spec("opensmile")
    if package is None or package.origin is None:  # opensmile is a declared dependency
        raise ImportError("opensmile is not installed")
    return Path(package.origin).parent / "core"


def _load(path: Path) -> ModuleType:
    """Load a module from one file."""
    spec = spec_from_file_location("opensmile.core.lib", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a module")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CONFIGS = _core() / "config"
"""The folder of the configurations that openSMILE ships."""

if TYPE_CHECKING:
    from opensmile.core.lib import ExternalSinkCallback, OpenSMILE, OpenSmileException, smileapi
else:
    _binding = _load(_core() / "lib.py")
    ExternalSinkCallback = _binding.ExternalSinkCallback
    OpenSMILE = _binding.OpenSMILE
    OpenSmileException = _binding.OpenSmileException
    smileapi = _binding.smileapi

__all__ = ["CONFIGS", "ExternalSinkCallback", "OpenSMILE", "OpenSmileException", "smileapi"]
