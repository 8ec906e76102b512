"""Another SensorThings server, with observations of one series: the program of a virtual environment of its own.

``python other_sensorthings.py PORT FOLDER COUNT FIRST STEP`` (times in ms UTC) prints the path of its observations.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import django
import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.urls import include, path

urlpatterns: list[Any] = []


def main(port: int, folder: Path, count: int, first: int, step: int) -> None:
    settings.configure(
        SECRET_KEY="bench",  # noqa: S106  # of a server on the loopback, for some seconds
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "other.sqlite"}},
        INSTALLED_APPS=["sensorthings.versions.v1_1", "sensorthings.versions.v1_1.backends.django"],
        SENSORTHINGS_V1_1_SERVICE_URL=f"http://127.0.0.1:{port}/sensorthings",
        SENSORTHINGS_V1_1_BACKEND_ADAPTER="sensorthings.versions.v1_1.backends.django.adapter.DjangoBackendAdapter",
        SENSORTHINGS_V1_1_ID_TYPE=UUID,
        SENSORTHINGS_V1_1_ID_DELIMITER="'",
        SENSORTHINGS_V1_1_MAX_TOP=1_000,
    )
    django.setup()
    urlpatterns.append(path("sensorthings/", include("sensorthings.versions.v1_1.urls")))
    call_command("migrate", verbosity=0)
    datastream = _filled(count, datetime.fromtimestamp(first / 1000, UTC), timedelta(milliseconds=step))
    print(f"/sensorthings/v1.1/Datastreams('{datastream}')/Observations", flush=True)  # noqa: T201  # the bench reads it
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    uvicorn.run(get_asgi_application(), port=port, log_level="error", lifespan="off")


def _filled(count: int, first: datetime, step: timedelta) -> UUID:
    from sensorthings.versions.v1_1.backends.django import models  # noqa: PLC0415  # needs what main has set up

    named = {"name": "node-00000", "description": "temperature of node-00000"}
    datastream = models.Datastream.objects.create(
        **named,
        unit_of_measurement={"name": "degree Celsius", "symbol": "Cel", "definition": "ucum:Cel"},
        observation_type=models.Datastream.OM_MEASUREMENT,
        thing=models.Thing.objects.create(**named, properties={"center": "environment"}),
        sensor=models.Sensor.objects.create(**named, encoding_type=models.Sensor.HTML, metadata=""),
        observed_property=models.ObservedProperty.objects.create(**named, definition="temperature"),
    )
    place = models.FeatureOfInterest.objects.create(
        **named,
        encoding_type=models.FeatureOfInterest.GEOJSON,
        feature={"type": "Point", "coordinates": [13.7, 45.5]},
    )
    models.Observation.objects.bulk_create(
        models.Observation(
            phenomenon_time_begin=first + number * step,
            result=15 + number % 100 / 10,
            result_time=first + number * step,
            datastream=datastream,
            feature_of_interest=place,
        )
        for number in range(count)
    )
    found: UUID = datastream.id
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
