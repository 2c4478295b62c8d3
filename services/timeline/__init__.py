"""The timeline: everything that happened to one customer, newest first."""
