"""openSMILE's binding to its C library, and the folder of its configurations, by themselves.

`import opensmile` is mostly for `opensmile.Smile`: it brings pandas, which takes two seconds and
tens of megabytes in every worker, for tables that nothing here needs. The binding beneath,
`opensmile.core.lib`, needs NumPy alone, and is loaded without the package around it.
"""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING


def _core() -> Path:
    """The folder of `opensmile.core`, without an import."""
    package = find_spec("opensmile")
    if package is None or package.origin is None:  # it is a dependency
        raise ImportError("opensmile is not installed")
    return Path(package.origin).parent / "core"


def _load(path: Path) -> ModuleType:
    """A module of one file."""
    spec = spec_from_file_location("opensmile.core.lib", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a module")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CONFIGS = _core() / "config"
"""openSMILE's own configurations."""

if TYPE_CHECKING:
    from opensmile.core.lib import ExternalSinkCallback, OpenSMILE, OpenSmileException, smileapi
else:
    _binding = _load(_core() / "lib.py")
    ExternalSinkCallback = _binding.ExternalSinkCallback
    OpenSMILE = _binding.OpenSMILE
    OpenSmileException = _binding.OpenSmileException
    smileapi = _binding.smileapi

__all__ = ["CONFIGS", "ExternalSinkCallback", "OpenSMILE", "OpenSmileException", "smileapi"]
