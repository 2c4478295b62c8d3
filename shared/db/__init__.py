"""PostgreSQL: engines, migrations, the schema's partitions."""
