#!/bin/sh
# What does a fresh machine need? Python 3.11 and Node are expected; everything else is installed here:
# a virtual environment, the stubs of the chip, the chart library of the page, and, as root on Debian,
# the foreign programs that the tests compare us with. Safe to run again.
set -eu
cd "$(dirname "$0")"
PYTHON=${PYTHON:-python3}

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "setup: Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2
    exit 1
}

# Foreign programs: broker, MQTT and Modbus clients, InfluxDB 1.6, a peer that speaks its version 2, TLS, C.
missing=""
for pair in mosquitto:mosquitto mosquitto_sub:mosquitto-clients mbpoll:mbpoll influxd:influxdb \
    victoria-metrics:victoria-metrics pg_createcluster:postgresql openssl:openssl cc:gcc; do
    PATH="$PATH:/usr/sbin" command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
"$PYTHON" -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "setup: installing$missing"
        apt-get update -q >/dev/null
        # No service is wanted: the tests start their own on the loopback.
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >/dev/null
    else
        echo "setup: not root, so please install:$missing" >&2
        echo "setup: e.g. sudo apt-get install --no-install-recommends$missing" >&2
        echo "setup: going on without; tests that need them say so and fail" >&2
    fi
fi

[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
.venv/bin/python -m pip install --quiet --upgrade --constraint constraints.txt pip
.venv/bin/python -m pip install --quiet --constraint constraints.txt \
    --editable '.[edge,collector,postgresql,provisioning,hil]' --group dev
# A client of SensorThings that others wrote, for tests only. It asks for requests of 2022 exactly, and works with ours.
.venv/bin/python -m pip install --quiet --constraint constraints.txt --no-deps stapy thefuzz
rm -rf typings
.venv/bin/python -m pip install --quiet --constraint constraints.txt --no-deps --target typings \
    micropython-esp32-stubs micropython-stdlib-stubs

# The chart library of the page, served by the collector itself.
if command -v npm >/dev/null 2>&1; then
    npm install --silent --no-fund --no-audit --no-package-lock --prefix collector/web
    mkdir -p collector/web/vendor
    cp collector/web/node_modules/uplot/dist/uPlot.iife.min.js collector/web/node_modules/uplot/dist/uPlot.min.css \
        collector/web/node_modules/uplot/LICENSE collector/web/vendor/
else
    echo "setup: no npm here: the page will show values without a chart" >&2
fi
