"""End with the process that started us, so that a crashed parent leaves no simulator behind."""

import asyncio
import os

POLL_S = 0.5


async def parent_is_gone() -> None:
    """Return when the parent process is another one than at the start."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(POLL_S)
