"""Clients of replicas behind the shipped nginx notice neither a killed replica nor a new bundle."""

import signal
import time
from pathlib import Path

from benchmarks.scale import balanced, meanwhile
from benchmarks.throughput import three_seconds, wav
from testing.programs import program


def test_no_request_is_lost_when_a_replica_is_killed_or_replaced(tmp_path: Path, models_dir: Path) -> None:
    nginx = program("nginx")
    old, folder = tmp_path / "models", tmp_path / "nginx"
    old.mkdir()
    folder.mkdir()
    (old / "small").symlink_to(models_dir / "small")
    settings = {"SER_DEFAULT_MODEL": "small", "SER_WORKERS": "1", "SER_SHUTDOWN_DELAY": "0.2"}
    with balanced(nginx, folder, SER_MODELS_DIR=str(old), **settings) as site:
        assert site.models() == ["small"]

        def kill_one_and_replace_the_other() -> None:
            site.replicas[0].process.kill()
            site.replicas[0].end()
            site.restart(0, SER_MODELS_DIR=str(models_dir))
            while site.models() == ["small"]:  # until the balancer uses the restarted replica
                time.sleep(0.1)
            site.replicas[1].process.send_signal(signal.SIGTERM)
            assert site.replicas[1].end() == 0

        statuses = meanwhile(site, wav(three_seconds()), kill_one_and_replace_the_other, n_clients=2)
        assert set(statuses) == {200}
        assert site.models() == ["other", "small"]
