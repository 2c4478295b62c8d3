"""Contact ways and temporary chats."""
