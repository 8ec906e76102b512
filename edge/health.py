"""How is the gateway, and each line and device of it? As JSON for a person, as text for Prometheus."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edge.outbox import Outbox
from edge.owner import Owner
from edge.radio import Radio
from edge.uplink import Uplink

_LATE = 3  # periods without a readout after which a device counts as silent


def health(owners: Mapping[str, Owner], outbox: Outbox, uplink: Uplink, radios: Sequence[Radio] = ()) -> dict[str, Any]:
    """``ok`` and, for each line and device, what is wrong with it; times in ms UTC."""
    lines = {
        name: {
            "error": owner.line_error,
            "devices": {
                thing: {
                    "at": device.at,
                    "readouts": device.readouts,
                    "failures": device.failures,
                    "failures_in_a_row": device.in_a_row,
                    "reason": device.reason,
                }
                for thing, device in owner.health.items()
            },
        }
        for name, owner in owners.items()
    }
    counts = outbox.counts()
    reasons = [f"{name}: {owner.line_error}" for name, owner in owners.items() if owner.line_error]
    reasons += [
        f"{name}: {thing}: {device.reason}"
        for name, owner in owners.items()
        for thing, device in owner.health.items()
        if device.in_a_row >= _LATE
    ]
    for radio in radios:
        if radio.error or radio.is_silent:
            reasons.append(f"{radio.name}: {radio.error or 'no telegrams are heard'}")
    if outbox.is_disk_full:
        reasons.append("outbox: the disk is full")
    if not uplink.is_connected:
        reasons.append("uplink: not connected")
    return {
        "ok": not reasons,
        "reasons": reasons,
        "outbox": {"unreceived": counts.unreceived, "next_seq": counts.next_seq, "dropped": counts.dropped},
        "lines": lines,
        "receivers": {radio.name: _receiver(radio) for radio in radios},
    }


def _receiver(radio: Radio) -> dict[str, Any]:
    return {
        "error": radio.error,
        "silent": radio.is_silent,
        "telegrams_per_hour": radio.telegrams_per_hour,
        "counts": dict(radio.hearing.counts),
        "reasons": dict(radio.hearing.reasons),
    }


def metrics(owners: Mapping[str, Owner], outbox: Outbox, uplink: Uplink, radios: Sequence[Radio] = ()) -> str:
    """The text format of Prometheus, version 0.0.4."""
    counts = outbox.counts()
    dropped = sum(last - first + 1 for first, last in counts.dropped)
    rows: list[tuple[str, str, str, float]] = [
        ("senzorika_uplink_connected", "gauge", "", int(uplink.is_connected)),
        ("senzorika_outbox_unreceived_messages", "gauge", "", counts.unreceived),
        ("senzorika_outbox_dropped_messages_total", "counter", "", dropped),
        ("senzorika_outbox_disk_full", "gauge", "", int(outbox.is_disk_full)),
    ]
    for name, owner in owners.items():
        rows.append(("senzorika_line_up", "gauge", _labels(line=name), int(not owner.line_error)))
        rows += _device_rows(name, owner)
    for radio in radios:
        labels = _labels(receiver=radio.name)
        rows.append(("senzorika_receiver_silent", "gauge", labels, int(radio.is_silent)))
        rows.append(("senzorika_receiver_telegrams_per_hour", "gauge", labels, radio.telegrams_per_hour))
        for fate, count in sorted(radio.hearing.counts.items()):
            fates = _labels(receiver=radio.name, fate=fate)
            rows.append(("senzorika_receiver_telegrams_total", "counter", fates, count))
    found: dict[str, tuple[str, list[str]]] = {}
    for metric, kind, labels, value in rows:
        found.setdefault(metric, (kind, []))[1].append(f"{metric}{labels} {value}")
    lines = [line for metric, (kind, samples) in found.items() for line in (f"# TYPE {metric} {kind}", *samples)]
    return "\n".join(lines) + "\n"


def _device_rows(name: str, owner: Owner) -> Iterator[tuple[str, str, str, float]]:
    now = time.time()
    for thing, device in owner.health.items():
        labels = _labels(line=name, thing=thing)
        yield "senzorika_device_readouts_total", "counter", labels, device.readouts
        yield "senzorika_device_failures_total", "counter", labels, device.failures
        yield "senzorika_device_failures_in_a_row", "gauge", labels, device.in_a_row
        if device.at:
            yield "senzorika_device_age_seconds", "gauge", labels, round(now - device.at / 1000, 1)


def _labels(**labels: str) -> str:
    # json.dumps escapes what the format wants escaped: backslash, quote and line feed.
    return "{" + ",".join(f"{key}={json.dumps(value)}" for key, value in labels.items()) + "}"
