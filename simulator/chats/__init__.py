"""Customer group chats, their members, their inheritance and their join ways."""
