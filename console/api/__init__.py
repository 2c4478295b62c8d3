"""The REST API under /api/v1. Handlers translate; services decide."""
