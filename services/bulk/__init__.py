"""Tags put on or taken off everything that a choice of relations means."""
