"""What does a newcomer do next? The address of the page, and one line that makes a first reading appear."""

from collector.config import CollectorConfig
from collector.inventory import Inventory
from firmware import contract


def first_steps(config: CollectorConfig, inventory: Inventory) -> str:
    """Three lines to print at start; the second publishes with the first publisher's certificate."""
    lines = [f"Senzorika of {config.city}: http://{config.http.host}:{config.http.port}/   (data in {config.data})"]
    publisher = next((one for one in inventory.publisher if one.things), None)
    if publisher:
        certificate = config.broker.certificate.with_name(f"{publisher.id}.pem")
        topic = contract.topic(config.city, publisher.id, "reading")
        reading = f"""{{"readings":[{{"thing":"{publisher.things[0]}","at":'$(date +%s)000',"""
        reading += '"values":{"occupancy":"occupied"}}]}'
        files = f"--cafile {config.broker.ca} --cert {certificate} --key {certificate.with_suffix('.key')}"
        broker = f"-h {config.broker.server_name} -p {config.broker.port} -i {publisher.id} -q 1 -t {topic}"
        lines += ["A first reading, from another terminal:", f"  mosquitto_pub {broker} {files} -m '{reading}'"]
    return "\n".join(lines)
