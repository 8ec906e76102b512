"""The parts of the InfluxDB store (``stores/influx``), each an answer to one question about one server.

``address`` which server a URL names · ``lines`` observations as line protocol · ``writing`` how lines get there, in
each version · ``answers`` what an answer means · ``connection`` InfluxQL over HTTP · ``questions`` what is asked in it.
"""
