"""How does Alembic reach the database? Over the connection that ``collector.metadata`` hands it."""

from alembic import context

from collector.metadata import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
with context.begin_transaction():
    context.run_migrations()
