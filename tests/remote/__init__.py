"""The server parts and the client's end of a link, with machines of every kind."""
