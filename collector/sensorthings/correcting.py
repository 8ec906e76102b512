"""What does a change of an observation say? Another content at the same time: both versions are kept."""

from typing import Any

from collector.entities.records import Datastream
from collector.observation import split_observation_id
from collector.refusals import ConflictError
from collector.sensorthings.bodies import Body, Link
from collector.sensorthings.entering import enter
from collector.sensorthings.shapes import Entity
from collector.sensorthings.work import Work


def without_findings(shown: dict[str, Any]) -> dict[str, Any]:
    """What a client has read of an observation, without what the collector found: that is not the client's word."""
    parameters = shown.get("parameters", {})
    if "derived" not in parameters:
        return shown
    rest = {key: value for key, value in parameters.items() if key != "derived"}
    own = {key: value for key, value in shown.items() if key != "parameters"} | ({"parameters": rest} if rest else {})
    if own["resultQuality"] == "suspect":
        del own["resultQuality"]
    return own


def unfound(shown: dict[str, Any], whole: Any) -> Any:
    """The same of what the client sends, where it only repeats what it has read."""
    derived = shown.get("parameters", {}).get("derived")
    if not isinstance(whole, dict) or derived is None or not isinstance(whole.get("parameters"), dict):
        return whole
    return without_findings({"resultQuality": "", **whole}) if whole["parameters"].get("derived") == derived else whole


def correct(work: Work, entity: Entity, body: Body) -> None:
    """Raise AskedWrongError, ConflictError, or as ``Asker.must``."""
    number, _ = split_observation_id(str(entity.id))
    stream = work.linked(Datastream, number, "Datastream")
    thing = work.thing_of(stream)
    work.must([thing], "operate")
    for key, links in body.links.items():
        if key != "Datastream" or not all(isinstance(one, Link) and one.id == number for one in links):
            raise ConflictError(f"{key}: an observation stays where it is")
    time = entity.properties["phenomenonTime"]
    whole = Body("", {"phenomenonTime": time, **body.properties})
    if enter(work, stream, thing, whole, None) != entity.id:
        raise ConflictError(f"phenomenonTime: this observation is of {time}, and stays so")
