"""Group robots: messages to administrators in a group of theirs."""
