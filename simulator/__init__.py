"""A WeCom on this machine: stateful, clocked, with faults; it shares no code with the client."""
