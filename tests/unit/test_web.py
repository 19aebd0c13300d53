"""The pages without a worker behind them."""

import socket

import pytest

from dispatch.errors import ConfigurationError
from dispatch.metrics import Metrics
from dispatch.settings import WebSettings
from dispatch.web import Web


async def test_an_address_that_is_taken_is_a_configuration_error_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        web = Web(WebSettings(port=port), Metrics())
        with pytest.raises(ConfigurationError, match=f"web: can't listen on .*:{port}") as raised:
            await web.start()
    assert "\n" not in str(raised.value)


async def test_port_0_serves_nothing() -> None:
    web = Web(WebSettings(port=0), Metrics())
    await web.start()
    await web.stop()
