"""Welcome messages, and the welcome material of group chats."""
