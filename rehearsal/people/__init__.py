"""The people who are called: characters as pure state machines."""
