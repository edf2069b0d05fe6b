"""Jobs on all processors, or on the cluster of `training.data.dask_engine`, with a progress bar."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import joblib
from tqdm import tqdm

Answer = TypeVar("Answer")


def run(
    function: Callable[..., Answer],
    jobs: Iterable[tuple[object, ...]],
    n_jobs: int,
    title: str,
    *,
    in_order: bool = True,
) -> list[Answer]:
    """Call a function for each job in processes of their own.

    Args:
        function: the function, at the top level of a module.
        jobs: the arguments of each call.
        n_jobs: the number of jobs, for the progress bar, which is hidden without a job.
        title: the title of the progress bar.
        in_order: False returns the answers in the order in which they arrive.

    Returns:
        The answer of each job.

    Example:
        >>> run(max, [(1, 2), (4, 3)], 2, "comparing")
        [2, 4]
    """
    order = "generator" if in_order else "generator_unordered"
    # joblib counts the processors that a container may use, not all of the machine.
    parallel = joblib.Parallel(n_jobs=joblib.cpu_count(), return_as=order)
    answers = parallel(joblib.delayed(function)(*arguments) for arguments in jobs)
    return list(tqdm(answers, title, n_jobs, disable=not n_jobs))
