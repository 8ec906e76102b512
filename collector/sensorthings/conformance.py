"""Which requirements of SensorThings 1.1 (18-088) does the collector meet? Each is exercised by conformance cases."""

_SENSING = "http://www.opengis.net/spec/iot_sensing/1.1/req/"

CONFORMANCE = (
    *(
        _SENSING + requirement
        for requirement in (
            "datamodel",
            "resource-path/resource-path-to-entities",
            "request-data/count",
            "request-data/expand",
            "request-data/orderby",
            "request-data/pagination",
            "request-data/select",
            "request-data/skip",
            "request-data/status-code",
            "request-data/top",
        )
    ),
)
