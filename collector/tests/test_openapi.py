"""The OpenAPI document is asked as a stranger's program reads it: whatever comes, no answer is a server error."""

from collections import Counter
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI, Request
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error

from collector.access.asker import Asker
from collector.api.app import Rules, create_app
from collector.tests.asking import SUPERVISOR
from collector.tests.households import street

ENDLESS = "/api/events"  # its answer never ends


async def supervisor(_request: Request) -> Asker:
    return SUPERVISOR


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return create_app(street(tmp_path, "duckdb:observations.duckdb"), Rules(supervisor))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_comes_is_no_server_error(app: FastAPI) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 30
    answered: Counter[int] = Counter()
    for operation in operations:
        if operation.path == ENDLESS:
            continue

        @given(case=operation.as_strategy())
        @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def ask(case: schemathesis.Case) -> None:
            response = case.call_and_validate(checks=[not_a_server_error])
            answered[response.status_code // 100] += 1

        ask()
    assert answered[2] > 200
    assert answered[4] > 2000
