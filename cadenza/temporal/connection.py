"""How every process reaches Temporal: one converter, one codec, one place."""

import dataclasses

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes

from cadenza.settings import Settings
from cadenza.temporal.encryption import EncryptionCodec


def data_converter(settings: Settings) -> DataConverter:
    """Pydantic payloads; encrypted, failure messages included, when keys are set."""
    if settings.payload_encryption_keys is None:
        return pydantic_data_converter
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=EncryptionCodec(settings.payload_encryption_keys.get_secret_value().split(",")),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """A client for the configured cluster. `lazy`: connect at the first use, so a process can start before Temporal."""
    api_key = settings.temporal_api_key.get_secret_value() if settings.temporal_api_key else None
    return await Client.connect(
        settings.temporal_target,
        namespace=settings.temporal_namespace,
        api_key=api_key,
        tls=api_key is not None,
        data_converter=data_converter(settings),
        lazy=lazy,
    )
