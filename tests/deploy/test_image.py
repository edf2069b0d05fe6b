"""Content of the image."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from testing.recordings import ROOT

HEAVY = {"audinterface", "keras", "onnx", "pandas", "pyarrow", "scikit-learn", "tensorflow-cpu", "torch"}


def locked(name: str = "service") -> set[str]:
    """Return the packages in a lock file. The image installs those in the lock file `service`."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


def imported(folder: Path) -> set[str]:
    """Return the top-level names of all third-party modules that the files of a folder import."""
    names = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module or "")
    return {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"app"}


def test_hadolint_accepts_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    completed = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout


def test_the_lock_files_contain_all_packages_that_the_service_imports() -> None:
    distributions = packages_distributions()
    for module in imported(ROOT / "app"):
        providers = {name.lower().replace("_", "-") for name in distributions[module]}
        bulk = {"distributed", "duckdb", "jinja2", "pyarrow"}  # only this extra installs them
        extra = "bulk" if module in bulk else "service"
        assert providers & locked(extra), f"{module} is imported, but nothing in the lock has it"


def test_the_lock_files_of_the_extras_contain_all_packages_of_the_service() -> None:
    assert locked() < locked("bulk")
    assert locked() < locked("tracing")


def test_the_lock_file_of_the_service_has_no_heavy_package() -> None:
    assert not HEAVY & locked()


def test_only_the_listed_paths_enter_the_image() -> None:
    entries = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [entry for entry in entries if not entry.startswith("#")]
    assert rules[0] == "*"
    copies = re.findall(
        r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
    )
    copied = [path for paths in copies for path in paths.split()]
    assert {path.partition("/")[0] for path in copied} == {rule[1:] for rule in rules if rule[0] == "!"}
