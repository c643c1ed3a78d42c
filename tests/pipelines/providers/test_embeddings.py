"""Texts become unit vectors of the promised size, offline."""

import logging

import numpy as np
import pytest

from pipelines.providers.embeddings import EndpointEmbedder, FastEmbedder, StaticEmbedder
from tests.support.fake_openai import FakeOpenAI, fails, redirects
from tieout.errors import InvalidInput, NotAvailable, ProviderError, ProviderUnavailable


def test_static_vectors_are_unit_rows_and_close_for_close_texts() -> None:
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    embedder = StaticEmbedder()
    rows = embedder.embed(["net sales rose", "revenue increased", "a dog in the park", ""])
    assert rows.shape == (4, embedder.dimensions) and rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]
    assert embedder.embed([]).shape == (0, 256)
    assert (list(logging.getLogger().handlers), logging.getLogger().level) == (handlers, level)


def test_a_text_has_one_vector_whatever_stands_beside_it() -> None:
    embedder = StaticEmbedder()
    alone = embedder.embed(["cash flow"])[0]
    assert np.array_equal(alone, embedder.embed(["long text " * 50, "cash flow"])[1])


def test_a_missing_package_says_what_to_install() -> None:
    try:
        import fastembed  # noqa: F401
    except ImportError:
        with pytest.raises(NotAvailable, match="pip install fastembed"):
            FastEmbedder().embed(["x"])


def test_an_endpoint_that_is_not_there_is_unavailable() -> None:
    embedder = EndpointEmbedder("m", 4, base_url="http://127.0.0.1:9/v1", timeout_s=0.2)
    with pytest.raises(ProviderUnavailable):
        embedder.embed(["x"])


def test_texts_and_key_go_to_the_address_that_was_given_and_nowhere_else() -> None:
    with FakeOpenAI(fails(401)) as elsewhere, FakeOpenAI(redirects(elsewhere.url)) as server:
        embedder = EndpointEmbedder("m", 4, base_url=server.url, api_key="sk-secret-1")
        with pytest.raises(ProviderError):
            embedder.embed(["x"])
        embedder.close()
        assert (len(server.requests), len(elsewhere.requests)) == (1, 0)
    for url in ("", "ftp://host/v1", "https://user:pass@host/v1"):
        with pytest.raises(InvalidInput, match="TIEOUT_EMBEDDING_BASE_URL"):
            EndpointEmbedder("m", 4, base_url=url)


def test_a_refusal_does_not_repeat_the_key() -> None:
    with FakeOpenAI(fails(401, message="wrong key sk-secret-1")) as server:
        embedder = EndpointEmbedder("m", 4, base_url=server.url, api_key="sk-secret-1")
        with pytest.raises(ProviderError) as caught:
            embedder.embed(["x"])
        embedder.close()
    assert "sk-secret-1" not in str(caught.value)
