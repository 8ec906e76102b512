"""The catalogue is what portals demand: DCAT-AP 3.0.1 by its own shapes."""

import time
from collections.abc import Iterator
from pathlib import Path

import pyshacl
import pytest
from rdflib import DCAT, DCTERMS, RDF, SH, Graph, URIRef
from rdflib.compare import isomorphic

from collector.access.asker import ANYONE
from collector.city import City, open_city
from collector.dcat import turtle
from collector.dcat.entry import CONTEXT
from collector.entities.inventory import Inventory
from collector.observation import Series
from collector.tests import koper
from collector.tests.asking import SUPERVISOR, client_of

SHAPES = Path(__file__).with_name("shapes")
LACKS = {
    DCTERMS.issued: "nothing says when the catalogue was first published",
    DCAT.contactPoint: "nobody is configured whom one could ask",
    DCAT.startDate: "of no series is the first observation in memory",
    DCAT.bbox: "a point has none, and the country is named by its IRI",
    DCAT.centroid: "the country is named by its IRI",
    DCTERMS["format"]: "Parquet has a media type, and no entry among the file types of the Publications Office",
}
OPEN = {koper.OCCUPANCY, koper.TEMPERATURE, koper.NO2, koper.LAEQ, koper.NOTICE}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    opened = koper.open_koper(tmp_path, "memory:")
    yield opened
    opened.store.close()


def catalogue(city: City, extension: str = "ttl") -> Graph:
    answer = client_of(city, ANYONE).get(f"/catalog.{extension}")
    assert answer.status_code == 200
    return Graph().parse(data=answer.text, format={"ttl": "turtle", "jsonld": "json-ld"}[extension])


def shapes(name: str) -> Graph:
    """Without the properties that are listed and not there: pyshacl refuses them, other validators pass over them."""
    graph = Graph().parse(SHAPES / name)
    for shape, listed in list(graph.subject_objects(SH.property)):
        if graph.value(listed, SH.path) is None:
            graph.remove((shape, SH.property, listed))
    return graph


def complaints(graph: Graph, name: str) -> set[URIRef]:
    """The paths that a shape is not content with; the shape itself where it names none."""
    _, report, _ = pyshacl.validate(graph, shacl_graph=shapes(name), inference="none")
    found = report.subjects(RDF.type, SH.ValidationResult)
    return {report.value(one, SH.resultPath) or report.value(one, SH.sourceShape) for one in found}


def test_of_the_shapes_two_properties_alone_are_not_there() -> None:
    count = len(list(Graph().parse(SHAPES / "dcat-ap-3.0.1.ttl").triples((None, SH.property, None))))
    assert count - len(list(shapes("dcat-ap-3.0.1.ttl").triples((None, SH.property, None)))) == 2


def test_the_catalogue_meets_the_shapes_of_dcat_ap(city: City) -> None:
    assert complaints(catalogue(city), "dcat-ap-3.0.1.ttl") == set()


def test_it_has_all_that_is_recommended_and_that_we_know(city: City) -> None:
    assert complaints(catalogue(city), "dcat-ap-3.0.1-recommended.ttl") == set(LACKS)


@pytest.mark.parametrize("lost", [DCTERMS.title, DCTERMS.description])
def test_the_shapes_would_say_what_is_missing(city: City, lost: URIRef) -> None:
    graph = catalogue(city)
    graph.remove((next(graph.subjects(RDF.type, DCAT.Dataset)), lost, None))
    assert lost in complaints(graph, "dcat-ap-3.0.1.ttl")


def test_turtle_and_json_ld_say_the_same(city: City) -> None:
    assert isomorphic(catalogue(city, "ttl"), catalogue(city, "jsonld"))


def test_everything_open_is_in_it_and_nothing_else_whoever_asks(city: City) -> None:
    graph = catalogue(city)
    found = {str(one) for one in graph.objects(None, DCTERMS.identifier)}
    assert found == {f"koper/{one.thing}/{one.quantity}/{one.period}" for one in OPEN}
    own = client_of(city, SUPERVISOR).get("/catalog.ttl").text
    assert own == client_of(city, ANYONE).get("/catalog.ttl").text
    assert "shaft-0001" not in own


def test_every_data_set_leads_to_its_observations(city: City) -> None:
    graph = catalogue(city)
    client = client_of(city, ANYONE)
    for one in graph.subjects(RDF.type, DCAT.Dataset):
        distributions = list(graph.objects(one, DCAT.distribution))
        assert len(distributions) == 3
        titles = list(graph.objects(one, DCTERMS.title))
        assert {title.language for title in titles} == {"sl", "it", "en"}
        for address in [str(url) for each in distributions for url in graph.objects(each, DCAT.accessURL)]:
            answer = client.get(address)
            assert (answer.status_code, bool(answer.content)) == (200, True), address
    levels = URIRef("http://testserver/catalog#datastream-5")
    assert str(graph.value(levels, DCTERMS.accrualPeriodicity)).endswith("/15MIN")
    assert str(graph.value(graph.value(levels, DCTERMS.temporal), DCAT.endDate)) == "2026-11-02"


def test_it_is_asked_for_again_only_when_something_is_named_anew(city: City) -> None:
    client = client_of(city, ANYONE)
    for extension in ("ttl", "jsonld"):
        tag = client.get(f"/catalog.{extension}").headers["etag"]
        same = {"If-None-Match": tag}
        assert client.get(f"/catalog.{extension}", headers=same).status_code == 304
        city.registry.take_inventory(koper.INVENTORY)
        assert client.get(f"/catalog.{extension}", headers=same).status_code == 200


def test_another_format_is_refused(city: City) -> None:
    answer = client_of(city).get("/catalog.rdf")
    assert (answer.status_code, "extension" in answer.text) == (422, True)


def test_names_are_escaped() -> None:
    node = {
        "@id": "http://a/b c<d>",
        "@type": "dcat:Dataset",
        "dct:title": {"@value": 'a "b" \\ \n\t c', "@language": "sl"},
        "dct:spatial": {"@type": "dct:Location", "dct:title": "x"},
    }
    graph = Graph().parse(data=turtle.prefixes(CONTEXT) + turtle.statement(node), format="turtle")
    (title,) = graph.objects(URIRef("http://a/b%20c%3Cd%3E"), DCTERMS.title)
    assert (str(title), title.language) == ('a "b" \\ \n\t c', "sl")


def test_ten_thousand_datastreams_are_a_matter_of_seconds(tmp_path: Path) -> None:
    things = [
        {
            "id": f"node-{number:05}",
            "name": {"sl": f"Vozlišče {number}", "it": f"Nodo {number}", "en": f"Node {number}"},
            "location": [13.7 + number / 1e5, 45.5],
            "center": "environment",
        }
        for number in range(2_500)
    ]
    city = open_city(Inventory.model_validate({"city": "koper", "thing": things}), tmp_path, "memory:")
    quantities = ("temperature", "relative_humidity", "pm2_5", "laeq")
    city.registry.see([Series(str(one["id"]), quantity) for one in things for quantity in quantities])
    client = client_of(city, ANYONE)
    for extension, mark in (("ttl", b"a dcat:Dataset"), ("jsonld", b'"dcat:Dataset"')):
        started = time.process_time()
        answer = client.get(f"/catalog.{extension}")
        assert answer.content.count(mark) == 10_000
        assert time.process_time() - started < 10
    started = time.process_time()
    client.get("/catalog.ttl")
    assert time.process_time() - started < 1
    city.store.close()
