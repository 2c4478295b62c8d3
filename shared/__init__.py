"""Infrastructure that every process uses: settings, clock, database, crypto, WeCom client, queue, telemetry."""
