"""What the image is made of."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from testing.recordings import ROOT

HEAVY = {"audinterface", "keras", "onnx", "pandas", "pyarrow", "scikit-learn", "tensorflow-cpu", "torch"}


def locked(name: str = "service") -> set[str]:
    """The packages that the image installs."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


def imported(folder: Path) -> set[str]:
    """The modules that are imported anywhere in a folder, by the first part of their names."""
    names = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module or "")
    return {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"app"}


def test_the_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    ended = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_the_lock_of_the_service_has_all_that_it_imports() -> None:
    distributions = packages_distributions()
    for module in imported(ROOT / "app"):
        providers = {name.lower().replace("_", "-") for name in distributions[module]}
        extra = {"distributed": "bulk", "pyarrow": "bulk"}.get(module)  # of those who ask for it alone
        assert providers & locked(extra or "service"), f"{module} is imported, but nothing in the lock has it"


def test_the_locks_of_the_extras_have_all_that_the_service_has() -> None:
    assert locked() < locked("bulk")
    assert locked() < locked("tracing")


def test_the_lock_of_the_service_is_light() -> None:
    assert not HEAVY & locked()


def test_nothing_enters_the_image_unnamed() -> None:
    entries = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [entry for entry in entries if not entry.startswith("#")]
    assert rules[0] == "*"
    copies = re.findall(
        r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
    )
    copied = [path for paths in copies for path in paths.split()]
    assert {path.partition("/")[0] for path in copied} == {rule[1:] for rule in rules if rule[0] == "!"}
