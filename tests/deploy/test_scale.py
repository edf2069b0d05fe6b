"""Replicas behind the shipped nginx: one gets a new bundle, one is killed, and no client notices."""

import time
from pathlib import Path

from benchmarks.scale import balanced, meanwhile
from benchmarks.throughput import three_seconds, wav
from tests.programs import program


def test_no_request_is_lost_when_a_replica_is_replaced_or_killed(tmp_path: Path, models_dir: Path) -> None:
    nginx = program("nginx")
    old = tmp_path / "models"
    old.mkdir()
    (old / "small").symlink_to(models_dir / "small")
    folder = tmp_path / "nginx"
    folder.mkdir()
    settings = {"SER_DEFAULT_MODEL": "small", "SER_WORKERS": "1", "SER_SHUTDOWN_DELAY": "0.2"}
    with balanced(nginx, folder, SER_MODELS_DIR=str(old), **settings) as site:
        assert site.models() == ["small"]

        def replace_one_and_kill_the_other() -> None:
            assert site.replace(0, SER_MODELS_DIR=str(models_dir)) == 0
            while site.models() == ["small"]:  # until the balancer has seen the new one
                time.sleep(0.1)
            site.replicas[1].process.kill()

        statuses = meanwhile(site, wav(three_seconds()), replace_one_and_kill_the_other, n_clients=2)
        assert set(statuses) == {200}
        assert site.models() == ["other", "small"]
