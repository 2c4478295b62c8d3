"""What the gateway counts. Labels come from fixed lists: never a path, a corp or an id that a caller chose."""

from prometheus_client import Counter, Gauge, Histogram

accepted = Counter("guanxi_gateway_accepted", "Callbacks answered as received, by where they were stored", ["store"])
refused = Counter("guanxi_gateway_refused", "Requests refused, by reason (the platform's code or a word)", ["reason"])
unavailable = Counter(
    "guanxi_gateway_unavailable", "Authentic callbacks that were not stored (503), by why", ["reason"]
)
verified = Counter("guanxi_gateway_verified", "Address verifications (GET) answered")
failed = Counter("guanxi_gateway_failed", "Requests that met a bug of ours (500)")
unreadable = Counter("guanxi_gateway_unreadable", "Authentic callbacks stored although their content is not readable")
refused_rows = Counter("guanxi_gateway_refused_rows", "Events the database refused as data, kept in the refused file")

commit_events = Histogram(
    "guanxi_gateway_commit_events", "Events that shared one commit", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
)
commit_seconds = Histogram(
    "guanxi_gateway_commit_seconds",
    "Duration of a shared commit",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
database_up = Gauge("guanxi_gateway_database_up", "1 while the gateway commits to the database, 0 while it spools")
receivers_age = Gauge(
    "guanxi_gateway_receivers_age_seconds", "Time since the addresses in memory were last read from the database"
)

spool_bytes = Gauge("guanxi_gateway_spool_bytes", "Size of the spooled events of this process")
spool_events = Gauge("guanxi_gateway_spool_events", "Spooled events of this process")
spool_age = Gauge("guanxi_gateway_spool_age_seconds", "Age of the oldest spooled event of this process, 0 when none")
drained = Counter("guanxi_gateway_drained", "Spooled events that reached the database")
torn = Counter("guanxi_gateway_spool_torn", "Spool files that end in an unfinished or damaged record")
