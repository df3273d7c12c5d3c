"""Which servers may be asked for captions, and where the key comes from."""

import pytest

from eadnet.captions.engines.endpoint import check_endpoint
from eadnet.captions.requests import CaptionError


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8000/v1", "http://localhost:1/v1/", "http://node17:8000/v1", "http://10.1.2.3/v1"]
    + ["http://[::1]:8000/v1", "http://box.local/v1", "http://192.168.0.4/v1"],
)
def test_plain_http_is_for_this_network(address):
    found = check_endpoint(address)
    assert found.plain and not found.address.endswith("/")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (None, "expected http"),
        ("", "expected http"),
        ("127.0.0.1:8000/v1", "expected http"),
        ("ftp://127.0.0.1/v1", "expected http"),
        ("http://127.0.0.1:port/v1", "expected http"),
        ("http://[::1/v1", "expected http"),
        ("file:///etc/passwd", "expected http"),
        ("http://api.example.com/v1", "no machine of this network"),
        ("http://8.8.8.8/v1", "no machine of this network"),
        ("http://localhost.example.com/v1", "no machine of this network"),
        ("http://me:sk-secret@127.0.0.1/v1", "bare address"),
        ("http://127.0.0.1/v1?key=sk-secret", "bare address"),
        ("https://api.example.com/v1", "export OPENAI_API_KEY"),
    ],
)
def test_other_addresses_are_refused_in_one_line(address, says):
    with pytest.raises(CaptionError, match=says) as caught:
        check_endpoint(address)
    assert str(caught.value).isprintable() and "sk-secret" not in str(caught.value)


def test_a_hosted_service_is_asked_with_the_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", " sk-secret\n")
    found = check_endpoint("https://api.example.com/v1")
    assert (found.host, found.plain, found.key) == ("api.example.com", False, "sk-secret")
    assert "sk-secret" not in repr(found)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-\u00e9")
    with pytest.raises(CaptionError, match="characters that no key has"):
        check_endpoint("https://api.example.com/v1")
