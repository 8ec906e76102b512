"""Which requirements of SensorThings 1.1 (18-088) does the collector meet? Each is exercised by conformance cases."""

_SENSING = "http://www.opengis.net/spec/iot_sensing/1.1/req"
_READING = (
    "datamodel",
    "resource-path/resource-path-to-entities",
    "request-data/order",
    "request-data/expand",
    "request-data/select",
    "request-data/status-code",
    "request-data/query-status-code",
    "request-data/orderby",
    "request-data/top",
    "request-data/skip",
    "request-data/count",
    "request-data/filter",
    "request-data/built-in-filter-operations",
    "request-data/built-in-query-functions",
    "request-data/pagination",
    "data-array/data-array",
)
_CHANGING = (
    "create-update-delete/create-entity",
    "create-update-delete/link-to-existing-entities",
    "create-update-delete/deep-insert",
    "create-update-delete/deep-insert-status-code",
    "create-update-delete/update-entity",
    "create-update-delete/update-entity-put",
    "create-update-delete/update-entity-jsonpatch",
    "create-update-delete/delete-entity",
    "create-update-delete/historical-location-auto-creation",
)

_JSON_BATCH = "https://fraunhoferiosb.github.io/FROST-Server/extensions/JsonBatchRequest.html"
"""18-088 itself has batches as multipart messages, which are not offered; this is where those in JSON have a name."""

CONFORMANCE = (*(f"{_SENSING}/{requirement}" for requirement in (*_READING, *_CHANGING)), _JSON_BATCH)
