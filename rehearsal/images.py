"""The images of the Compose file, built without a registry of images."""

import shutil
import tempfile
from pathlib import Path

import yaml

from rehearsal.podman import ROOT, podman, run

STAND_INS = Path(__file__).parent / "stand_ins"
SERVICE = "speech-emotion:rehearsal"
BASES = {
    "debian:sid": ("sid", "ca-certificates"),
    "debian:trixie": ("trixie", "ca-certificates"),
    "python:3.11-slim-bookworm": (
        "bookworm",
        "ca-certificates,python3,python3-pip,python3-venv",
    ),
}
"""Debian's release and packages of each image that a Dockerfile starts from."""
BUILD = ("build", "--quiet", "--isolation", "chroot", "--network", "host", "--pull-never")


def build() -> None:
    """Build the image of the service and of the stand-ins. Podman repeats only steps with other files."""
    here = podman("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    for image, (release, packages) in BASES.items():
        if f"localhost/{image}" not in here:
            print(f"building {image}")
            _bootstrap(image, release, packages)
    build_service(ROOT, SERVICE)
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name in ("balancer", "database", "store", "prometheus", "grafana"):
        print(f"building the stand-in of {services[name]['image']}")
        _build_stand_in(name, services[name]["image"])


def build_service(source: Path, image: str, *options: str) -> str:
    """Build the image of the service from a checkout.

    Args:
        source: the folder of the checkout.
        image: the name of the image.
        options: further options of `podman build`.

    Returns:
        The ID of the image: the SHA-256 of its configuration, which has the SHA-256 of each layer.
    """
    print(f"building {image}")
    return podman(*BUILD, *options, "--target", "service", "--tag", image, str(source))


def build_revision(revision: str, image: str, source: Path) -> None:
    """Build the image of the service from a revision, which is extracted to a new folder."""
    archive = source.with_suffix(".tar")
    run("git", "-C", str(ROOT), "archive", "--output", str(archive), revision)
    source.mkdir()
    run("tar", "--directory", str(source), "--extract", "--file", str(archive))
    build_service(source, image)


def _build_stand_in(name: str, image: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        context = shutil.copytree(STAND_INS, Path(folder) / "context")
        shutil.copy(ROOT / "requirements" / "dev.txt", context / "requirements.txt")
        podman(*BUILD, "--file", str(context / f"{name}.Dockerfile"), "--tag", image, str(context))


def _bootstrap(image: str, release: str, packages: str) -> None:
    """Install a release of Debian in a folder, and import the folder as an image."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        run("debootstrap", "--variant=minbase", f"--include={packages}", release, str(root))
        # A mirror may be older than the date until which a release is valid.
        (root / "etc/apt/apt.conf.d/99mirror").write_text('Acquire::Check-Valid-Until "false";\n')
        own = Path("/usr/local/share/ca-certificates")
        if own.is_dir():
            shutil.copytree(own, root / "usr/local/share/ca-certificates", dirs_exist_ok=True)
            run("chroot", str(root), "update-ca-certificates")
        changes = []
        if release == "bookworm":
            _imitate_python(root)
            certificates = "/etc/ssl/certs/ca-certificates.crt"
            for variable in (f"SSL_CERT_FILE={certificates}", f"PIP_CERT={certificates}"):
                changes += ["--change", f"ENV {variable}"]
            changes += ["--change", "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"]
        archive = Path(folder) / "root.tar"
        run("tar", "--directory", str(root), "--create", "--file", str(archive), ".")
        podman("import", "--quiet", *changes, str(archive), image)


def _imitate_python(root: Path) -> None:
    """Put the commands of Python where the official image has them, and let pip install packages."""
    for name, program in (("python", "python3"), ("python3", "python3"), ("pip", "pip3")):
        (root / "usr/local/bin" / name).symlink_to(f"/usr/bin/{program}")
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
