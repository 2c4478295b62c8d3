"""A member's new userid: what is kept under the old one moves, in one commit."""
