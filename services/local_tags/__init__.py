"""Local tags: what a retailer marks customers (and chats) with besides WeCom's own tags."""
