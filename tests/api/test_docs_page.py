"""Pins down: the documentation's page needs nothing from outside this machine, and the bare address leads to it."""

import re

from tests.api.conftest import Api


async def test_the_docs_page_names_no_other_host(api: Api) -> None:
    page = await api.http.get("/docs")
    assert page.status_code == 200
    scripts = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert scripts
    assert all(address.startswith("/") for address in scripts)
    for address in scripts:
        assert (await api.http.get(address)).status_code == 200


async def test_the_bare_address_leads_to_the_docs(api: Api) -> None:
    answer = await api.http.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
