"""The parts of the embedded store (``stores/duckdb``), each an answer to one question about one DuckDB file.

``layout`` which tables are in it · ``columns`` a batch as an Arrow table · ``source`` where observations lie, hot or
sealed · ``writing`` what of a batch is new · ``questions`` SQL for what is asked · ``rollups`` figures kept beside raw
data · ``sealing`` past months as Parquet · ``retention`` what may go · ``copying`` a backup.
"""
