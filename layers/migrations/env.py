"""Alembic's environment: always a live connection handed over by `layers.migrate`, never a URL of its own."""

from alembic import context

from layers.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, version_table="alembic_version")
context.run_migrations()
