"""One customer as a whole, as it is shown: what WeCom shows, with what is wanted laid over it."""
