"""Group messages to customers and to their chats."""
