"""The three vendors' wire protocols with fixed delays, light enough for hundreds of calls: one port, one process.

`rehearsal/` recognises, thinks and speaks for real, and that costs a core for a few dozen calls. Here what is heard,
said and spoken is known beforehand (speech.py), so what is left is the protocol: the recogniser's WebSocket, the
model's server-sent events, the synthesiser's HTTP stream and its multi-context WebSocket. A recogniser's session
belongs to the caller that connected last: callers come one after the other.

`/agent` is the far end of a bridge that only copies: all three in one, speaking the carrier's own messages.
"""

from bench.voice_bridge.vendors.server import Vendors

__all__ = ["Vendors"]
