"""When words are over: the synthesiser's characters against the words that were meant, and answers that are odd."""

from base64 import b64encode

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.character_times import CharacterTimes
from cadenza.domain.spoken import speakable
from voice_bridge.heard import Sentence
from voice_bridge.speaking import SpeakingFailed, SpokenAudio, Voice
from voice_bridge.speaking.elevenlabs import ElevenLabsOptions, ElevenLabsSynthesiser
from voice_bridge.word_times import SpokenCharacters, word_ends, words_by

VOICE = Voice("v", "m")


def spoken(text: str, ms_a_letter: int = 100) -> SpokenCharacters:
    return SpokenCharacters(CharacterTimes(text, tuple(ms_a_letter * (place + 1) for place in range(len(text)))))


def ends(meant: str, said: str, *, is_complete: bool = True) -> list[int]:
    return word_ends(meant.split(), spoken(said).words(), is_complete=is_complete)


def test_the_same_words_end_where_they_were_spoken() -> None:
    assert ends("Yes, we do.", "Yes, we do.") == [400, 700, 1100]


def test_words_that_are_spoken_otherwise_share_the_time_between_their_neighbours() -> None:
    said = speakable("It is at 2:30 PM today.")
    assert said == "It is at two thirty in the afternoon today."
    _, _, at, two_thirty, pm, today = ends("It is at 2:30 PM today.", said)
    assert at < two_thirty < pm < today
    assert pm == 100 * said.index(" today")
    assert today == 100 * len(said)


def test_what_is_not_spoken_yet_has_no_end() -> None:
    assert ends("One two three four", "One two thr", is_complete=False) == [300, 700]
    assert ends("One two three four", "One two", is_complete=False) == [300, 700]
    assert ends("One two three four", "", is_complete=False) == []


def test_words_that_the_voice_leaves_out_end_with_the_word_before() -> None:
    assert ends("One (two) three", "One three") == [300, 300, 900]


def test_times_do_not_run_back_and_surplus_is_ignored() -> None:
    made = SpokenCharacters()
    made.add(CharacterTimes("ab", (100, 50, 700)))
    made.add(CharacterTimes("cde", (120,)))
    assert made.words() == [("abc", 120)]


@given(st.text(max_size=80), st.text(max_size=80), st.booleans())
def test_ends_are_in_order_and_not_more_than_words(meant: str, said: str, is_complete: bool) -> None:
    found = ends(meant, said, is_complete=is_complete)
    assert found == sorted(found) and len(found) <= len(meant.split())
    assert words_by(found, 10**9) == len(found)


def test_a_sentence_that_was_cut_is_heard_by_the_voices_times_and_goes_on_at_the_word() -> None:
    """A voice that dwells on the first word: by length alone, half the sentence would count as heard."""
    sentence = Sentence("Well we could do it.", audio=bytearray(8 * 2000), is_complete=True)
    times = {"Well": 1200, "we": 1400, "could": 1600, "do": 1800, "it.": 2000}
    for word, end in times.items():
        sentence.spoken.add(CharacterTimes(word + " ", (end,) * (len(word) + 1)))
    assert sentence.words_by(8 * 1000) == ""
    assert sentence.words_by(8 * 1250) == "Well"
    assert sentence.start_of_word_at(8 * 1450) == 8 * 1400
    assert sentence.start_of_word_at(8 * 1000) == 0
    assert sentence.words_by(8 * 2000) == "Well we could do it."


# --- What the vendor may send ----------------------------------------------------------------------------------------


def line(audio: bytes, characters: str = "", begin: float = 0.0, **changes: object) -> bytes:
    alignment = {
        "characters": list(characters),
        "character_start_times_seconds": [begin + place / 10 for place in range(len(characters))],
        "character_end_times_seconds": [begin + (place + 1) / 10 for place in range(len(characters))],
    }
    return orjson.dumps({"audio_base64": b64encode(audio).decode(), "alignment": alignment, **changes}) + b"\n"


async def answer(*pieces: bytes, status: int = 200) -> list[SpokenAudio]:
    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        return response

    async with RawTestServer(respond) as server:
        synthesiser = ElevenLabsSynthesiser(ElevenLabsOptions("k", str(server.make_url("/"))))
        try:
            return [piece async for piece in synthesiser.stream("Hello.", VOICE)]
        finally:
            await synthesiser.close()


@pytest.mark.parametrize("second_begin", [0.0, 0.3], ids=["of the piece", "of the whole"])
async def test_times_may_count_from_the_piece_or_from_the_whole(second_begin: float) -> None:
    first, second = await answer(line(b"a" * 2400, "abc"), line(b"b" * 2400, "def", second_begin))
    assert first.times == CharacterTimes("abc", (100, 200, 300))
    assert second.times == CharacterTimes("def", (400, 500, 600))


async def test_lines_may_be_cut_anywhere() -> None:
    whole = line(b"a" * 800, "abc") + b"\n" + line(b"b" * 800)
    pieces = await answer(*(whole[place : place + 7] for place in range(0, len(whole), 7)))
    assert b"".join(piece.audio for piece in pieces) == b"a" * 800 + b"b" * 800


@pytest.mark.parametrize(
    "alignment",
    [None, [], {}, {"characters": ["a"]}, {"characters": "ab", "character_start_times_seconds": 3}, "x"],
)
async def test_audio_without_readable_times_is_still_audio(alignment: object) -> None:
    (piece,) = await answer(line(b"a" * 800, alignment=alignment))
    assert piece == SpokenAudio(b"a" * 800)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"{}\n", "empty"),
        (b"not json\n", "bad_answer"),
        (b"[1]\n", "bad_answer"),
        (b'{"audio_base64": 7}\n', "bad_answer"),
    ],
)
async def test_an_answer_without_audio_has_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(SpeakingFailed) as failed:
        await answer(body)
    assert failed.value.reason == reason
