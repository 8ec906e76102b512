"""Do the options of a request fit what it asks for? Said before anything is looked up, whether or not it is there."""

from collector.refusals import AskedWrongError
from collector.sensorthings.entities import NAVIGATION, leads_to_one
from collector.sensorthings.expression import properties_of
from collector.sensorthings.options import Options
from collector.sensorthings.properties import PROPERTIES, check_path

_OF_SETS = ("$top", "$skip", "$count", "$orderby", "$filter", "$resultFormat")
CONTROL = {"id": "@iot.id", "selfLink": "@iot.selfLink"}


def check_set(name: str, options: Options) -> None:
    """Raise AskedWrongError naming the option."""
    for asked in properties_of(options.filter) if options.filter else ():
        check_path("$filter", name, asked)
    for asked, _ in options.orderby:
        check_path("$orderby", name, asked, to_one=True)
    if options.as_array and name != "Observations":
        raise AskedWrongError(f"$resultFormat: dataArray shows Observations, not {name}")
    if options.as_array and options.expand:
        raise AskedWrongError("$expand: a dataArray holds nothing expanded")
    if options.as_array and (wrong := set(options.select) - {"id", *PROPERTIES[name]}):
        raise AskedWrongError(f"$select: a dataArray has no {' '.join(sorted(wrong))}")
    _check_shown(name, options)


def check_one(name: str, options: Options) -> None:
    """As ``check_set``, for one entity."""
    check_nothing([option for option in options.texts if option in _OF_SETS], "one entity")
    _check_shown(name, options)


def check_nothing(options: list[str], of: str) -> None:
    """Raise AskedWrongError if there are options, which have no meaning here."""
    if options:
        raise AskedWrongError(f"{options[0]}: says nothing of {of}")


def _check_shown(name: str, options: Options) -> None:
    for chosen in options.select:
        if chosen not in (*CONTROL, *PROPERTIES[name], *NAVIGATION[name]):
            raise AskedWrongError(f"$select: {name} have no property {chosen}")
    for step, inner in options.expand.items():
        if step not in NAVIGATION[name]:
            raise AskedWrongError(f"$expand: {name} lead to {' '.join(NAVIGATION[name])}, not to {step}")
        target = NAVIGATION[name][step]
        if leads_to_one(step):
            check_one(target, inner)
        else:
            check_set(target, inner)
