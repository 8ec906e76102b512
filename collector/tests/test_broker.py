"""The broker beside the collector: started, watched, started again, stopped."""

import asyncio
import logging
import os
import signal

import pytest

from collector.health import Health
from collector.running.broker import EmbeddedBroker, StartError

from .conftest import RunningBroker  # type: ignore[import-not-found]


async def test_a_broker_that_is_killed_is_started_again(
    broker: RunningBroker, caplog: pytest.LogCaptureFixture
) -> None:
    broker.kill()
    embedded = EmbeddedBroker(broker.config.broker)
    await embedded.start()
    first = embedded.process_id
    assert first
    watching = asyncio.create_task(embedded.run(Health()))
    with caplog.at_level(logging.ERROR):
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(120):
            while embedded.process_id in (first, None):  # noqa: ASYNC110  # a process of the system
                await asyncio.sleep(0.02)
    assert "the broker ended with code -9" in caplog.text
    watching.cancel()
    await embedded.stop()
    assert embedded.process_id is None


async def test_a_broker_without_its_configuration_is_refused(broker: RunningBroker) -> None:
    config = broker.config.broker.model_copy(update={"config": broker.folder / "none.conf"})
    with pytest.raises(StartError, match=r"broker\.config: there is no file .*none\.conf"):
        await EmbeddedBroker(config).start()
