"""Where a lead says that it is."""

from pydantic import BaseModel, ConfigDict


class Address(BaseModel):
    """As the file has it, spaces tidied. `state` is the short code (`FL`, `NSW`) and `country` the ISO 3166 code where
    they are understood; what is not understood stays as written. Empty: not said."""

    model_config = ConfigDict(frozen=True)

    street: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""
