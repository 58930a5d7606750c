"""The short way of a carrier's messages to a call brings what the library's own way brings, however they are cut."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from voice_bridge.carrier_socket import CarrierSocket

TEXT, BINARY, CONT, PING = Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.PING
LENGTHS = st.sampled_from([0, 1, 125, 126, 300, 4000, 65_535, 65_536])


class Wire(asyncio.Transport):
    """Where the server's answers are lost: only what it takes counts here."""

    def write(self, data: Any) -> None: ...

    def is_closing(self) -> bool:
        return False

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None: ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


async def _no_handler(connection: Any) -> None: ...


@dataclass
class Line:
    """A socket after its handshake, handed over."""

    socket: CarrierSocket
    taken: list[bytes] = field(default_factory=list)

    def feed(self, data: bytes, cuts: list[int]) -> None:
        begin = 0
        for end in [*sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]:
            if end > begin:
                self.socket.data_received(data[begin:end])
            begin = end


@pytest.fixture
async def opened() -> Line:
    return await _open()


async def _open() -> Line:
    client, server = ClientProtocol(parse_uri("ws://localhost/media")), ServerProtocol(max_size=1_000_000)
    host = SimpleNamespace(handler=_no_handler, handler_tasks=set())
    line = Line(CarrierSocket(server, cast(Any, host), ping_interval=None))
    line.socket.connection_made(Wire())
    client.send_request(client.connect())
    line.socket.data_received(b"".join(client.data_to_send()))
    assert line.socket.request is not None
    server.send_response(server.accept(line.socket.request))
    assert server.state is State.OPEN
    await line.socket.hand_over(line.taken.append)
    return line


def masked(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True, extensions=[])


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """What a carrier might send, and the messages in it."""
    wire, meant = b"", []
    for number in range(draw(st.integers(1, 6))):
        data = bytes([65 + number]) * draw(LENGTHS)
        match draw(st.sampled_from(["text", "text", "text", "binary", "parts", "ping"])):
            case "parts":
                middle = len(data) // 2
                wire += masked(TEXT, data[:middle], fin=False)
                wire += masked(PING, b"?") if draw(st.booleans()) else b""
                wire += masked(CONT, data[middle:])
            case "ping":
                wire += masked(PING, data[:100])
                continue
            case kind:
                wire += masked(TEXT if kind == "text" else BINARY, data)
        meant.append(data)
    return wire, meant


@given(messages(), st.lists(st.integers(0, 1 << 20), max_size=8))
def test_every_message_is_handed_over_once_and_in_order(sent: tuple[bytes, list[bytes]], cuts: list[int]) -> None:
    async def run() -> None:
        line = await _open()
        line.feed(sent[0], cuts)
        assert line.taken == sent[1]

    asyncio.run(run())


async def test_a_whole_text_takes_the_short_way(opened: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened.socket.protocol, "receive_data", lambda data: pytest.fail("the long way"))
    opened.feed(masked(TEXT, b"x" * 300) + masked(TEXT, b"y"), [])
    assert opened.taken == [b"x" * 300, b"y"]


def _not_for_us() -> Iterator[Any]:
    yield pytest.param(Frame(TEXT, b"open").serialize(mask=False, extensions=[]), id="not masked")
    yield pytest.param(b"\xc1" + masked(TEXT, b"reserved")[1:], id="a reserved bit")
    yield pytest.param(masked(CONT, b"nothing"), id="the end of nothing")
    yield pytest.param(b"\x81\xff" + (2_000_000).to_bytes(8, "big") + b"mask", id="too long")


@pytest.mark.parametrize("wrong", _not_for_us())
async def test_what_no_carrier_sends_closes_the_socket_and_nothing_is_taken_after_it(
    opened: Line, wrong: bytes
) -> None:
    opened.feed(masked(TEXT, b"before") + wrong + masked(TEXT, b"after"), [])
    assert opened.socket.protocol.state is State.CLOSING
    opened.feed(masked(TEXT, b"later"), [])
    assert opened.taken == [b"before"]


async def test_a_length_in_more_bytes_than_it_needs_is_read_all_the_same(opened: Line) -> None:
    wasteful = b"\x81\xfe\x00\x02" + bytes(4) + b"hi"
    wire = masked(TEXT, b"1") + wasteful + masked(PING, b"") + masked(TEXT, b"2")
    for cuts in ([], [9], [12]):
        opened.feed(wire, cuts)
    assert opened.taken == [b"1", b"hi", b"2"] * 3
