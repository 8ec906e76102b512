"""What does a newcomer do next? The address of the page, and one line that makes a first reading appear."""

from shlex import quote

from collector.access.asker import EVERY
from collector.access.giving import Wanted, give
from collector.access.rights import Access
from collector.config import CollectorConfig
from collector.entities.inventory import Inventory
from firmware import contract

FIRST = "first"
FIRST_DAYS = 90


def page(config: CollectorConfig) -> str:
    """Where to look."""
    scheme = "https" if config.http.certificate else "http"
    return f"Senzorika of {config.city}: {scheme}://{config.http.host}:{config.http.port}/   (data in {config.data})"


def first_token(access: Access) -> str:
    """A token that may do everything: made once, at the first start, and shown once."""
    secret = give(access, "first start", Wanted(FIRST, [f"{EVERY}:admin"], FIRST_DAYS, "first steps"))
    return f"The first token, shown only now; it may do everything for {FIRST_DAYS} days:\n  {secret}"


def first_reading(config: CollectorConfig, inventory: Inventory) -> str:
    """A line for the shell that publishes with the first publisher's certificate; "" while there is no publisher.

    Show it once the collector has subscribed: until then a broker acknowledges a reading and forgets it.
    """
    publisher = next((one for one in inventory.publisher if one.things), None)
    if publisher is None:
        return ""
    certificate = config.broker.certificate.with_name(f"{publisher.id}.pem")
    topic = contract.topic(config.city, publisher.id, "reading")
    reading = f"""{{"readings":[{{"thing":"{publisher.things[0]}","at":'$(date +%s)000',"""
    reading += '"values":{"occupancy":"occupied"}}]}'
    ca, pem, key = (quote(str(file)) for file in (config.broker.ca, certificate, certificate.with_suffix(".key")))
    broker = f"-h {config.broker.server_name} -p {config.broker.port} -i {publisher.id} -q 1 -t {topic}"
    line = f"mosquitto_pub {broker} --cafile {ca} --cert {pem} --key {key} -m '{reading}'"
    return f"A first reading, from another terminal:\n  {line}"
