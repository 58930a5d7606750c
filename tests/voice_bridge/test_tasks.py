"""A task that is ended is over when `end_task` returns, whatever became of the first cancellation."""

import asyncio

from voice_bridge.tasks import end_task


async def _swallow(times: int) -> str:
    for _ in range(times):
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue  # as `asyncio.wait_for` does when its result comes at the same moment
    await asyncio.sleep(3600)
    return "never"


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again() -> None:
    task = asyncio.create_task(_swallow(1))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end_task(task)
    assert task.cancelled()


async def test_no_task_and_a_finished_task_are_over_already() -> None:
    await end_task(None)
    task = asyncio.create_task(asyncio.sleep(0, "done"))
    await task
    await end_task(task)
    assert task.result() == "done"


async def test_an_error_of_the_task_stays_in_it() -> None:
    async def fail() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await end_task(task)
    assert isinstance(task.exception(), ValueError)
