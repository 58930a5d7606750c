"""A bridge is killed in mid-call, again and again: what becomes of the calls it held."""
