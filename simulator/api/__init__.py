"""The WeCom server API under /cgi-bin: the part that a contact-sync and notification service calls."""
