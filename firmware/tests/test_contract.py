"""The contract: what is written, what is read back, and what is refused in which words."""

from firmware import contract, orders
from firmware.contract import ContractError


def reading(**values: object) -> dict:
    return {"thing": "spot-0001", "at": 1795392000000, "values": values or {"distance": (412, -3)}}


def refusal(function, *arguments: object) -> str:
    try:
        function(*arguments)
    except ContractError as error:
        return str(error)
    raise AssertionError("not refused: " + str(arguments))


def refused(**changes: object) -> str:
    """How a decoded message is refused when one key of its reading is changed."""
    changed = reading()
    changed["values"] = {"distance": 0.4}
    changed.update(changes)
    return refusal(contract.check_reading, changed)


def written(value: object, quantity: str = "distance") -> str:
    payload = contract.encode_reading("7f3a91c2", 1, [reading(**{quantity: value})])
    text = str(payload, "utf-8")
    start = text.find('"' + quantity + '":') + len(quantity) + 3
    return text[start : text.find("}", start)]


def test_a_reading_is_these_bytes():
    assert contract.encode_reading("7f3a91c2", 4211, [reading()]) == (
        b'{"outbox":"7f3a91c2","readings":[{"at":1795392000000,"thing":"spot-0001","values":{"distance":0.412}}],'
        b'"seq":4211}'
    )


def test_what_was_written_is_read_back():
    full = reading(water_volume=561.25, occupancy="free", error_flags=5, notice="ž", location=[13.75, 45.5])
    full["values"]["water_volume.t1.s2"] = 3
    full["period"] = 900000
    full["quality"] = {"water_volume": "suspect"}
    full["censored"] = {"water_volume": "<"}
    full["source"] = "ELS-06855817-07"
    message = contract.decode_reading(contract.encode_reading("7f3a91c2", 1, [full]))
    assert message == {"outbox": "7f3a91c2", "seq": 1, "readings": [full]}


def test_integer_and_exponent_reach_the_wire_exactly():
    assert written((561080, -3)) == "561.080"
    assert written((123456789012345, -6)) == "123456789.012345"
    assert written((-5, -1)) == "-0.5"
    assert written((999999999999999, 0)) == "999999999999999"
    assert written((12, 3)) == "12000"
    assert written((0, -3)) == "0.000"


def test_a_float_is_written_as_the_shortest_text_that_reads_back_as_the_same_32_bits():
    assert written(0.5) == "0.5"
    assert written(0.0) in ("0", "0.0")
    assert float(written(1.0e-7)) == 1.0e-7
    assert float(written(-2.25)) == -2.25


def test_more_than_fifteen_digits_are_refused():
    assert refused(values={"distance": 10**15}) == "reading.values.distance: more than 15 digits"
    assert refused(values={"distance": (10**15, -3)}) == "reading.values.distance: more than 15 digits"


def test_numbers_that_are_none_are_refused():
    assert refused(values={"distance": float("nan")}) == "reading.values.distance: not finite"
    assert refused(values={"distance": float("inf")}) == "reading.values.distance: not finite"
    assert refused(values={"distance": "1"}) == "reading.values.distance: expected a number"
    assert refused(values={"distance": True}) == "reading.values.distance: expected a number"
    assert refused(values={"distance": None}) == "reading.values.distance: expected a number"
    assert refused(values={"distance": (1, 31)}) == "reading.values.distance: beyond a 32-bit float"
    assert refused(values={"distance": (10**14, 25)}) == "reading.values.distance: beyond a 32-bit float"
    assert refused(values={"distance": (1.5, 0)}) == "reading.values.distance: expected a number"


def test_an_unknown_quantity_or_qualifier_is_refused():
    assert refused(values={"happiness": 1}) == "reading.values.happiness: unknown quantity"
    assert refused(values={"voltage.l4": 1}) == "reading.values.voltage.l4: unknown qualifier l4"
    assert "out of order" in refused(values={"water_volume.s1.t1": 1})


def test_codes_flags_texts_and_positions_are_held_to_their_kind():
    assert refused(values={"occupancy": "perhaps"}).startswith("reading.values.occupancy: expected one of free")
    assert "whole number" in refused(values={"error_flags": -1})
    assert "at most 256 bytes" in refused(values={"notice": "x" * 257})
    assert refused(values={"location": [13.7, 95]}) == "reading.values.location.1: beyond 90"
    assert "expected [longitude, latitude]" in refused(values={"location": [13.7]})


def test_the_frame_of_a_reading_is_held():
    assert refused(thing="Spot 1") == "reading.thing: expected 1 to 64 of a-z 0-9 -"
    assert refused(at=1795392000.5) == "reading.at: expected whole milliseconds since 1970"
    assert refused(values={}) == "reading.values: expected at least one value"
    assert refused(colour="red") == "reading.colour: unknown key"
    assert "whole number" in refused(period=0)
    assert refused(quality={"no2": "suspect"}) == "reading.quality.no2: not among the values"
    assert refused(quality={"distance": "good"}).startswith("reading.quality.distance: expected one of suspect")
    assert refused(censored={"distance": "="}).startswith("reading.censored.distance: expected one of")
    assert "at most 256 bytes" in refused(source="x" * 300)


def test_a_refusal_names_the_place_in_the_message():
    good, bad = reading(), reading(distance=float("nan"))
    said = refusal(contract.encode_reading, "7f3a91c2", 1, [good, bad])
    assert said == "readings.1.values.distance: not finite"
    assert refusal(contract.encode_reading, "7f3a91c2", 0, [good]).startswith("seq: expected a whole number")
    assert refusal(contract.encode_reading, "A", 1, [good]).startswith("outbox: expected")
    assert refusal(contract.encode_reading, "7f3a91c2", 1, []) == "readings: expected at least one"


def test_a_message_over_the_limit_is_refused_when_it_is_made():
    assert contract.NODE_LIMIT == 4096
    many = [reading() for _ in range(5)]
    size = len(contract.encode_reading("7f3a91c2", 1, many))
    said = refusal(contract.encode_reading, "7f3a91c2", 1, many, size - 1)
    assert said == "message: " + str(size) + " bytes, at most " + str(size - 1) + " fit"


def test_bytes_that_are_no_message_are_refused():
    whole = contract.encode_reading("7f3a91c2", 1, [reading()])
    for size in range(len(whole)):
        assert refusal(contract.decode_reading, whole[:size]) == "not JSON"
    assert refusal(contract.decode_reading, b"\xff\xfe") == "not JSON"
    assert refusal(contract.decode_reading, b"[]") == "expected an object"
    assert refusal(contract.decode_reading, b'{"readings":[1]}') == "readings.0: expected an object"
    assert "unknown key" in refusal(contract.decode_reading, b'{"readings":[],"x":1}')


def test_a_third_party_may_leave_out_outbox_and_seq():
    message = contract.decode_reading(b'{"readings":[{"thing":"a","at":1,"values":{"distance":1}}]}')
    assert "seq" not in message
    half = b'{"outbox":"a","readings":[{"thing":"a","at":1,"values":{"distance":1}}]}'
    assert refusal(contract.decode_reading, half).startswith("seq:")


def test_topics_are_made_and_taken_apart():
    assert contract.topic("koper", "park-0001", "reading") == "koper/v1/park-0001/reading"
    assert contract.split_topic("koper/v1/park-0001/receipt") == ("koper", "park-0001", "receipt")
    for wrong in ("koper/v2/a/reading", "koper/v1/a/gossip", "koper/v1/a", "koper/v1/a/reading/x"):
        assert refusal(contract.split_topic, wrong).startswith("topic: expected")
    assert refusal(contract.split_topic, "koper/v1/A b/reading").startswith("topic.publisher:")


def test_receipts_name_ranges():
    payload = contract.encode_receipt("7f3a91c2", [[4200, 4211]])
    assert payload == b'{"outbox":"7f3a91c2","received":[[4200,4211]]}'
    assert contract.decode_receipt(payload) == {"outbox": "7f3a91c2", "received": [[4200, 4211]]}
    assert refusal(contract.encode_receipt, "7f3a91c2", []) == "received: expected at least one range"
    assert refusal(contract.encode_receipt, "7f3a91c2", [[5, 4]]).startswith("received.0.1: expected")
    assert refusal(contract.encode_receipt, "7f3a91c2", [[5]]) == "received.0: expected [first, last]"


def test_states_hold_single_values_and_dropped_ranges():
    state = {
        "at": 1795392000000,
        "online": True,
        "boot": 17,
        "dropped": [[3, 5]],
        "heap_free": 98304,
        "fault_no_echo": 2,
    }
    assert contract.decode_state(contract.encode_state(state)) == state
    assert refusal(contract.encode_state, {"at": 1}) == "online: expected true or false"
    assert refusal(contract.encode_state, {"online": True}).startswith("at: expected")
    assert refusal(contract.encode_state, {"at": 1, "online": True, "x": {}}) == "x: expected a single value"


def test_commands_results_and_configurations_go_both_ways():
    command = {
        "id": "c1",
        "thing": "valve-1",
        "name": "close",
        "arguments": {},
        "expires": 1795392060000,
        "by": "water",
    }
    assert orders.decode_command(orders.encode_command(command)) == command
    result = {"outbox": "7f3a91c2", "seq": 3, "id": "c1", "status": "done", "values": {"valve_position": 0}}
    assert orders.decode_result(orders.encode_result(result)) == result
    config = {"number": 2, "settings": {"period": 5}, "by": "water"}
    assert orders.decode_config(orders.encode_config(config)) == config
    assert refusal(orders.encode_result, {"id": "c1", "status": "perhaps"}).startswith("status: expected one of")
    assert refusal(orders.encode_command, {"id": "c1"}).startswith("thing: expected")
    assert refusal(orders.encode_config, {"number": 0, "settings": {}}).startswith("number: expected")


def test_a_signature_covers_every_key_but_itself_in_a_fixed_order():
    command = {"b": [1, {"z": 1, "y": 2}], "a": "x", "signature": "s"}
    assert orders.signed_bytes(command) == b'{"a":"x","b":[1,{"y":2,"z":1}]}'
