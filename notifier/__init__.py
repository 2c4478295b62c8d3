"""The notifier: delivers what waits in the outbox, each message once."""
