"""libsndfile with AddressSanitizer, built from Debian's source package of the version that soundfile ships.

AddressSanitizer (Serebryany et al., USENIX ATC 2012) ends the process at the first access outside an object.
The library also counts its branches, so that native code guides libFuzzer too. The codec libraries that it
uses (FLAC, Vorbis, Opus, mpg123) are Debian's, without both.
"""

import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

import soundfile

VERSION = "1.2.2"
ARCHIVE = f"libsndfile_{VERSION}.orig.tar.gz"
SHA256 = "ffe12ef8add3eaca876f04087734e6e8e029350082f3251f565fa9da55b52121"
"""The hash of the archive, which is that of the release by the authors."""
RELEASE = "trixie"
"""The release of Debian with this version."""
FLAGS = "-g -O1 -fno-omit-frame-pointer -fsanitize=address,fuzzer-no-link"
OPTIONS = "detect_leaks=0:allocator_may_return_null=1"
"""Python keeps memory until its end. libsndfile refuses a file if a large allocation returns NULL."""


def environment(folder: Path) -> dict[str, str]:
    """Build the library, unless it exists, and return the variables with which a harness uses it.

    Args:
        folder: the folder of the build.

    Raises:
        SystemExit: soundfile has another version, the archive is not the expected one, or a program failed.
    """
    import atheris  # noqa: PLC0415  # only the environment of the fuzzers has it

    if soundfile.__libsndfile_version__ != VERSION:
        raise SystemExit(
            f"soundfile has libsndfile {soundfile.__libsndfile_version__}, not {VERSION}: set VERSION, "
            f"RELEASE and SHA256 in {__file__}"
        )
    library = folder / "_soundfile_data" / "libsndfile_x86_64.so"
    if not library.exists():
        _build(_source(folder), library)
    return {
        "ASAN_OPTIONS": OPTIONS,
        "LD_PRELOAD": str(Path(atheris.path()) / "asan_with_fuzzer.so"),
        "PYTHONPATH": str(folder),  # before the packages, so that soundfile finds this library
    }


def _source(folder: Path) -> Path:
    """Download and unpack the source from the mirror that this machine uses for its packages.

    Returns:
        The folder of the source.
    """
    state = folder / "apt"
    for needed in ("lists/partial", "cache/archives/partial", "sources"):
        (state / needed).mkdir(parents=True, exist_ok=True)
    mirrors = _run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]
    )
    (state / "sources" / "source.sources").write_text(
        f"Types: deb-src\nURIs: {mirrors.splitlines()[0]}\nSuites: {RELEASE}\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
    apt = [
        *("apt-get", "--quiet=2", "-o", "Dir::Etc::SourceList=/dev/null"),
        *("-o", f"Dir::Etc::SourceParts={state / 'sources'}", "-o", f"Dir::State::Lists={state / 'lists'}"),
        *("-o", f"Dir::Cache={state / 'cache'}"),
    ]
    _run([*apt, "update"])
    _run([*apt, "source", "--download-only", "--tar-only", "libsndfile"], folder)
    archive = folder / ARCHIVE
    found = hashlib.sha256(archive.read_bytes()).hexdigest() if archive.exists() else "no archive"
    if found != SHA256:
        raise SystemExit(f"{archive}: is not the source of libsndfile {VERSION} (SHA-256: {found})")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / f"libsndfile-{VERSION}"


def _build(source: Path, library: Path) -> None:
    """Build the library as a shared one, and make a package of it as soundfile expects it."""
    build = source / "build"
    switches = ("BUILD_PROGRAMS", "BUILD_EXAMPLES", "BUILD_TESTING", "ENABLE_CPACK")
    _run(
        [
            *("cmake", "-S", str(source), "-B", str(build), "-DBUILD_SHARED_LIBS=ON"),
            *("-DCMAKE_C_COMPILER=clang", "-DCMAKE_CXX_COMPILER=clang++", f"-DCMAKE_C_FLAGS={FLAGS}"),
            *(f"-D{switch}=OFF" for switch in switches),
        ]
    )
    _run(["cmake", "--build", str(build), "--parallel"])
    library.parent.mkdir(exist_ok=True)
    (library.parent / "__init__.py").touch()
    shutil.copy(build / "libsndfile.so", library)


def _run(command: list[str], folder: Path | None = None) -> str:
    """Run a program, and return what it prints."""
    completed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if completed.returncode:
        raise SystemExit(f"{' '.join(command)}: failed\n{completed.stderr[-2000:]}")
    return completed.stdout
