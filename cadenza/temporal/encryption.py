"""Encryption of workflow payloads: inputs, results, memos, summaries and failures. Off unless keys are set."""

from collections.abc import Iterable, Sequence

from cryptography.fernet import Fernet, MultiFernet
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

_ENCODING = b"binary/encrypted"


class EncryptionCodec(PayloadCodec):
    """Fernet around whole payloads. The first key encrypts, all decrypt: that is how keys are rotated."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._fernet = MultiFernet([Fernet(key.strip()) for key in keys])

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            Payload(metadata={"encoding": _ENCODING}, data=self._fernet.encrypt(payload.SerializeToString()))
            for payload in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            Payload.FromString(self._fernet.decrypt(payload.data))
            if payload.metadata.get("encoding") == _ENCODING
            else payload
            for payload in payloads
        ]
