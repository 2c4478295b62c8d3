"""Finding customers: one filter language, read by lists, counts, segments, exports, bulk jobs and audiences."""
