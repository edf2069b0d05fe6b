"""A call whose parts the workers can read quickly: its own file, or a copy."""

import asyncio
import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Protocol, TypeVar

from app.calls.parallel import Deadline, spread
from app.core.call import CallFormat, copy_header, copy_offset, copy_size
from app.core.errors import StorageFull
from app.core.files import path_of
from app.pool.task import Task
from app.pool.tasks import DecodePart

Answer = TypeVar("Answer")

PART = 60
"""The seconds of a call that one task decodes for the copy. Ten times as many would delay other requests."""


class Pool(Protocol):
    """The part of `app.pool.pool.WorkerPool` that the analysis needs.

    Attributes:
        n_workers: the number of tasks that run at a time.
    """

    n_workers: int

    async def run(self, task: Task[Answer]) -> Answer:
        """Run a task."""


@asynccontextmanager
async def readable(
    pool: Pool, path: Path, header: CallFormat, deadline: Deadline
) -> AsyncIterator[tuple[str, CallFormat]]:
    """Provide a call whose parts can be read quickly.

    MP3 and Ogg are decoded once, into an unnamed WAV file that the system deletes afterwards. Workers decode,
    and this process writes, because a worker must not change a file.

    Args:
        pool: the pool that decodes.
        path: the path of the call.
        header: the format of the call.
        deadline: the end of the analysis.

    Yields:
        The path of the file to read, and its format.

    Raises:
        StorageFull: the disk has no space for the copy.
        AudioError: the call cannot be decoded.
    """
    if not header.needs_copy:
        yield str(path), header
        return
    form = header.copy
    with TemporaryFile() as file:
        descriptor = file.fileno()
        try:
            # Reserve the space, so that no part meets a full disk.
            await asyncio.to_thread(os.posix_fallocate, descriptor, 0, copy_size(form))
        except OSError as error:
            raise StorageFull("The storage has no space for the recording. Try again later.") from error
        os.pwrite(descriptor, copy_header(form), 0)

        async def copy(start: int) -> None:
            fields = (form.n_channels, form.sampling_rate, form.n_samples)
            part = await pool.run(DecodePart(str(path), *fields, start, start + PART))
            await asyncio.to_thread(os.pwrite, descriptor, part.data, copy_offset(form, start))

        await spread(copy, range(0, math.ceil(form.duration), PART), pool.n_workers, deadline)
        yield path_of(file).as_posix(), form
