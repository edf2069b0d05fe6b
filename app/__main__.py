"""`python -m app`: run the service, or another command of `USAGE`."""

import base64
import gc
import multiprocessing
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from multiprocessing import forkserver

PRELOADED = "app.pool.process"
USAGE = """\
usage: python -m app            serve with the SER_* settings of the environment
       python -m app worker     run queued jobs; serve only health and metrics
       python -m app key NAME   create an API key; --help lists scopes, expiry and channels
       python -m app secret     create a secret that signs callbacks
       python -m app health     check whether the service on this machine is ready
       python -m app rules check [FILE]
                                check a file of rules; default: SER_RULES
       python -m app rollout [start CANDIDATE | forward | back]
                                give a new bundle a share of the requests; see --help
       python -m app webhooks list [--failed]
                                list the webhooks that are not delivered, or those given up
       python -m app webhooks replay ID
                                deliver a webhook again
       python -m app analyze …  analyze recordings without a server; see --help
       python -m app report …   aggregate an archive of analyze as a page; see --help"""


def main(arguments: Sequence[str]) -> int:  # noqa: C901, PLR0911  # one for each command
    """Run the command that the arguments name.

    Returns:
        The exit status; 2 for unknown arguments.
    """
    match arguments:
        case [] | ["worker"]:
            # Install the handler first: in a container, process 1 ignores signals that have no handler.
            # After a clean stop, uvicorn raises the signal again for the previous handler.
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            start_fork_server()
            # Imports create only objects that stay. The search for other objects took a tenth of their time.
            gc.disable()
            from app.server import serve  # noqa: PLC0415  # imported while the fork server imports

            gc.enable()
            return serve(runs_jobs_only=bool(arguments))
        case ["analyze", *rest]:
            start_fork_server()
            from app.batch.command import analyze  # noqa: PLC0415  # as above

            return analyze(rest)
        case ["report", *rest]:
            from app.report_command import report  # noqa: PLC0415  # only this command needs it

            return report(rest)
        case ["secret"]:
            print(f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}")
            return 0
        case ["health"]:
            from app.health import check  # noqa: PLC0415  # only this command needs it

            return check()
        case ["rules", "check"] | ["rules", "check", _]:
            from app.rules_command import check_rules  # noqa: PLC0415  # only this command needs it

            return check_rules(arguments[2] if arguments[2:] else None)
        case ["rollout", *rest]:
            from app.rollout_command import roll_out  # noqa: PLC0415  # only this command needs it

            return roll_out(rest)
        case ["key", *rest] if rest:
            from app.key_command import make_key  # noqa: PLC0415  # only this command needs it

            return make_key(rest)
        case ["webhooks", "list"] | ["webhooks", "list", "--failed"]:
            from app.webhooks_command import list_webhooks  # noqa: PLC0415  # only this command needs it

            return list_webhooks(failed_only=bool(arguments[2:]))
        case ["webhooks", "replay", webhook_id]:
            from app.webhooks_command import replay_webhook  # noqa: PLC0415  # only this command needs it

            return replay_webhook(webhook_id)
        case _:
            print(USAGE, file=sys.stderr)
            return 2


def start_fork_server() -> None:
    """Start the fork server early, because its imports take longer than those of this process."""
    # One thread of NumPy's linear algebra for each worker, since every processor has a worker. More threads
    # wait for each other, and double the processor time of a recording.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    multiprocessing.set_forkserver_preload([PRELOADED])
    forkserver.ensure_running()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
