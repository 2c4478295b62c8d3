"""Chats for operators: folders, lists, tags and events of our own over the mirror of WeCom's chats."""
