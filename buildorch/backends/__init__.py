"""The kinds of places where jobs run; each module is loaded when a server asks for it."""
