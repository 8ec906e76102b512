"""What does the catalogue say of one datastream, and of itself? As JSON-LD, which Turtle is written from.

Every node that DCAT-AP wants to be of a class says so here, since no portal fetches it from elsewhere first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from collector.entities.registry import Datastream, Thing
from collector.observation import Kind, kind_of

LANGUAGES = ("sl", "it", "en")
CONTEXT = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geo": "http://www.opengis.net/ont/geosparql#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
LICENCE = "http://publications.europa.eu/resource/authority/licence/CC_BY_4_0"
_AUTHORITY = "http://publications.europa.eu/resource/authority/"
_IANA = "https://www.iana.org/assignments/media-types/"
_SLOVENIA = f"{_AUTHORITY}country/SVN"
_THEMES = {
    "governance": "GOVE",
    "mobility": "TRAN",
    "economy": "ECON",
    "buildings": "REGI",
    "environment": "ENVI",
    "administration": "GOVE",
    "energy": "ENER",
    "living": "SOCI",
    "emergency": "REGI",
}
_THEME_NAMES = {
    "GOVE": "Government and public sector",
    "TRAN": "Transport",
    "ECON": "Economy and finance",
    "REGI": "Regions and cities",
    "ENVI": "Environment",
    "ENER": "Energy",
    "SOCI": "Population and society",
}
_FREQUENCIES = {
    60_000: "1MIN",
    300_000: "5MIN",
    600_000: "10MIN",
    900_000: "15MIN",
    1_800_000: "30MIN",
    3_600_000: "HOURLY",
    86_400_000: "DAILY",
}
_KIND_OF_SAYING = {
    "sl": "{what} ({unit}), kot to meri {name} v mestu {city}",
    "it": "{what} ({unit}), come la misura {name} nella città di {city}",
    "en": "{what} ({unit}), as measured by {name} in the city of {city}",
}
_TITLES = {
    "sl": "Odprte meritve mesta {city}",
    "it": "Misure aperte della città di {city}",
    "en": "Open measurements of the city of {city}",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One datastream that anyone may see."""

    stream: Datastream
    thing: Thing
    owner: str
    """The center that owns it."""
    until: str | None
    """The day of its newest observation, as in 2026-11-23."""


def dataset(base: str, city: str, entry: Entry) -> dict[str, Any]:
    """With its distributions: CSV, Parquet and SensorThings."""
    series, kind = entry.stream.series, kind_of(entry.stream.series.quantity)
    own = dataset_id(base, entry)
    what = series.quantity.replace("_", " ")
    names = {language: f"{entry.thing.name[language]}: {what}" for language in LANGUAGES}
    about = {
        language: _KIND_OF_SAYING[language].format(
            what=what, unit=_unit(kind), name=entry.thing.name[language], city=_name(city)
        )
        for language in LANGUAGES
    }
    node = {
        "@id": own,
        "@type": "dcat:Dataset",
        "dct:identifier": f"{city}/{series.thing}/{series.quantity}/{series.period}",
        "dct:title": _texts(names),
        "dct:description": _texts(about),
        "dct:publisher": {"@id": f"{base}/catalog#publisher"},
        "dct:accessRights": {"@id": f"{_AUTHORITY}access-right/PUBLIC"},
        "dct:language": [{"@id": f"{_AUTHORITY}language/{one}"} for one in ("SLV", "ITA", "ENG")],
        "dcat:theme": {"@id": f"{_AUTHORITY}data-theme/{_theme(entry.owner)}"},
        "dcat:keyword": _texts(dict.fromkeys(LANGUAGES, what)),
        "dct:spatial": _place(entry.thing.location),
        "dcat:distribution": _distributions(base, own, entry),
    }
    if entry.until:
        node["dct:temporal"] = {"@type": "dct:PeriodOfTime", "dcat:endDate": _date(entry.until)}
        node["dct:modified"] = _date(entry.until)
    if frequency := _FREQUENCIES.get(series.period):
        node["dct:accrualPeriodicity"] = {"@id": f"{_AUTHORITY}frequency/{frequency}"}
    return node


def dataset_id(base: str, entry: Entry) -> str:
    return f"{base}/catalog#datastream-{entry.stream.id}"


def head(base: str, city: str, entries: Sequence[Entry], day: str) -> list[dict[str, Any]]:
    """The catalogue, its publisher and service, and everything from elsewhere that is named."""
    titles = {language: text.format(city=_name(city)) for language, text in _TITLES.items()}
    datasets = [{"@id": dataset_id(base, one)} for one in entries]
    themes = [{"@id": f"{_AUTHORITY}data-theme/{one}"} for one in sorted({_theme(one.owner) for one in entries})]
    catalog = {
        "@id": f"{base}/catalog",
        "@type": "dcat:Catalog",
        "dct:title": _texts(titles),
        "dct:description": _texts(titles),
        "dct:publisher": {"@id": f"{base}/catalog#publisher"},
        "dct:license": {"@id": LICENCE},
        "dct:language": [{"@id": f"{_AUTHORITY}language/{one}"} for one in ("SLV", "ITA", "ENG")],
        "dct:spatial": {"@id": _SLOVENIA},
        "dct:modified": _date(day),
        "foaf:homepage": {"@id": f"{base}/"},
        "dcat:themeTaxonomy": {"@id": f"{_AUTHORITY}data-theme"},
        "dcat:service": {"@id": f"{base}/catalog#sensorthings"},
        "dcat:dataset": datasets,
    }
    publisher = {
        "@id": f"{base}/catalog#publisher",
        "@type": "foaf:Agent",
        "foaf:name": _name(city),
        "dct:type": {"@id": "http://purl.org/adms/publishertype/LocalAuthority"},
    }
    service = {
        "@id": f"{base}/catalog#sensorthings",
        "@type": "dcat:DataService",
        "dct:title": _texts(dict.fromkeys(LANGUAGES, "OGC SensorThings API 1.1")),
        "dcat:endpointURL": {"@id": f"{base}/v1.1"},
        "dcat:endpointDescription": {"@id": f"{base}/openapi.json"},
        "dct:conformsTo": {"@id": "http://www.opengis.net/doc/is/sensorthings/1.1"},
        "dct:accessRights": {"@id": f"{_AUTHORITY}access-right/PUBLIC"},
        "dct:license": {"@id": LICENCE},
        "dct:publisher": {"@id": f"{base}/catalog#publisher"},
        "dcat:theme": themes,
        "dcat:keyword": _texts({"sl": "senzorji", "it": "sensori", "en": "sensors"}),
        "dcat:servesDataset": datasets,
    }
    return [catalog, publisher, service, *_elsewhere(base, entries)]


def _elsewhere(base: str, entries: Sequence[Entry]) -> Iterable[dict[str, Any]]:
    languages = [f"{_AUTHORITY}language/{one}" for one in ("SLV", "ITA", "ENG")]
    frequencies = {
        _FREQUENCIES[one.stream.series.period] for one in entries if one.stream.series.period in _FREQUENCIES
    }
    media = ["text/csv", "application/vnd.apache.parquet", "application/json"]
    yield from ({"@id": one, "@type": "dct:LinguisticSystem"} for one in languages)
    yield from ({"@id": f"{_AUTHORITY}frequency/{one}", "@type": "dct:Frequency"} for one in sorted(frequencies))
    yield from ({"@id": _IANA + one, "@type": "dct:MediaType"} for one in media)
    yield {"@id": f"{_AUTHORITY}file-type/CSV", "@type": "dct:MediaTypeOrExtent"}
    yield {"@id": f"{_AUTHORITY}file-type/JSON", "@type": "dct:MediaTypeOrExtent"}
    attribution = "http://purl.org/adms/licencetype/Attribution"
    yield {"@id": LICENCE, "@type": "dct:LicenseDocument", "dct:type": {"@id": attribution}}
    yield _concept(attribution, "Attribution")
    yield {"@id": _SLOVENIA, "@type": "dct:Location"}
    yield {"@id": f"{_AUTHORITY}access-right/PUBLIC", "@type": "dct:RightsStatement"}
    yield {"@id": "http://www.opengis.net/doc/is/sensorthings/1.1", "@type": "dct:Standard"}
    yield {"@id": f"{base}/", "@type": "foaf:Document"}
    yield _concept(f"{_AUTHORITY}planned-availability/AVAILABLE", "Available")
    yield _concept("http://purl.org/adms/publishertype/LocalAuthority", "Local authority")
    yield {
        "@id": f"{_AUTHORITY}data-theme",
        "@type": "skos:ConceptScheme",
        "dct:title": {"@value": "Data theme", "@language": "en"},
    }
    for theme in sorted({_theme(one.owner) for one in entries}):
        yield _concept(f"{_AUTHORITY}data-theme/{theme}", _THEME_NAMES[theme])


def _distributions(base: str, own: str, entry: Entry) -> list[dict[str, Any]]:
    series = entry.stream.series
    asked = urlencode({"thing": series.thing, "quantity": series.quantity, "period": series.period})
    csv, parquet = (f"{base}/api/series.{extension}?{asked}" for extension in ("csv", "parquet"))
    observations = f"{base}/v1.1/Datastreams({entry.stream.id})/Observations"
    return [
        _distribution(f"{own}-csv", csv, "CSV", "text/csv", "CSV"),
        _distribution(f"{own}-parquet", parquet, "Apache Parquet", "application/vnd.apache.parquet", None),
        {
            **_distribution(f"{own}-sensorthings", observations, "OGC SensorThings", "application/json", "JSON"),
            "dcat:accessService": {"@id": f"{base}/catalog#sensorthings"},
        },
    ]


def _distribution(own: str, url: str, title: str, media: str, form: str | None) -> dict[str, Any]:
    node = {
        "@id": own,
        "@type": "dcat:Distribution",
        "dct:title": _texts(dict.fromkeys(LANGUAGES, title)),
        "dct:description": _texts(dict.fromkeys(LANGUAGES, title)),
        "dcat:accessURL": {"@id": url},
        "dcat:mediaType": {"@id": _IANA + media},
        "dct:license": {"@id": LICENCE},
        "dcatap:availability": {"@id": f"{_AUTHORITY}planned-availability/AVAILABLE"},
    }
    return node if form is None else {**node, "dct:format": {"@id": f"{_AUTHORITY}file-type/{form}"}}


def _concept(own: str, label: str) -> dict[str, Any]:
    return {"@id": own, "@type": "skos:Concept", "skos:prefLabel": {"@value": label, "@language": "en"}}


def _texts(by_language: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"@value": text, "@language": language} for language, text in by_language.items()]


def _date(day: str) -> dict[str, str]:
    return {"@value": day, "@type": "xsd:date"}


def _place(location: tuple[float, ...] | None) -> dict[str, Any]:
    if location is None:
        return {"@id": _SLOVENIA}
    wkt = f"POINT({location[0]} {location[1]})"
    return {"@type": "dct:Location", "dcat:centroid": {"@value": wkt, "@type": "geo:wktLiteral"}}


def _theme(owner: str) -> str:
    return _THEMES.get(owner, "REGI")


def _unit(kind: Kind) -> str:
    return kind.unit if kind.is_number else kind.kind


def _name(city: str) -> str:
    return city.replace("-", " ").title()
