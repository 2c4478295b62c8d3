"""End with the process that started us, so that a crashed parent leaves no simulator behind."""

import asyncio
import os

POLL_S = 0.5


async def parent_is_gone(parent_pid: int) -> None:
    """Return when the parent process is another one than `parent_pid`, which is to be asked for at the very start."""
    while os.getppid() == parent_pid:
        await asyncio.sleep(POLL_S)
