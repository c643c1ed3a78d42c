"""Turns texts into unit vectors: a static model that ships inside its package, fastembed, or an endpoint."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.providers.address import checked_base_url
from tieout.errors import NotAvailable, ProviderError, ProviderUnavailable

_BATCH = 256


class StaticEmbedder:
    """WordLlama's static vectors (256 dimensions): no network, no key; loaded at the first use."""

    name = "wordllama-l2-supercat-256"
    dimensions = 256

    def __init__(self) -> None:
        self._model: Any = None
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Any:
        """Return a float32 array of shape (len(texts), 256), rows of length 1. Raises NotAvailable."""
        model = self._loaded()
        rows = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _BATCH):
            batch = [text if text.strip() else "." for text in texts[start : start + _BATCH]]
            encoded = model.tokenizer.encode_batch(batch, add_special_tokens=False)
            for offset, tokens in enumerate(encoded):
                if tokens.ids:
                    rows[start + offset] = model.embedding[tokens.ids].mean(axis=0)
        return _unit(rows)

    def _loaded(self) -> Any:
        with self._lock:
            if self._model is None:
                with _root_logger_left_alone():
                    try:
                        import wordllama

                        folder = Path(wordllama.__file__).parent  # its weights lie there: nothing is downloaded
                        self._model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
                    except (ImportError, OSError, ValueError) as error:
                        raise NotAvailable(
                            f"the static embedding model cannot be loaded ({error}); install wordllama again"
                        ) from error
                self._model.tokenizer.no_padding()
            return self._model


class FastEmbedder:
    """A model of the optional `fastembed` package; it downloads its weights at the first use."""

    def __init__(self, model: str = "BAAI/bge-small-en-v1.5", dimensions: int = 384) -> None:
        self.name = model
        self.dimensions = dimensions
        self._model: Any = None
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Any:
        """Return a float32 array of shape (len(texts), dimensions), rows of length 1. Raises NotAvailable."""
        with self._lock:
            if self._model is None:
                try:
                    from fastembed import TextEmbedding  # type: ignore[import-not-found,unused-ignore]
                except ImportError as error:
                    raise NotAvailable("fastembed is not installed; `pip install fastembed`") from error
                self._model = TextEmbedding(self.name)
            rows = np.array(list(self._model.embed(list(texts))), dtype=np.float32)
        return _checked(rows, len(texts), self.dimensions, self.name)


class EndpointEmbedder:
    """Any OpenAI-compatible `/embeddings` endpoint."""

    def __init__(
        self, model: str, dimensions: int, *, base_url: str, api_key: str = "", timeout_s: float = 60.0
    ) -> None:
        """Prepare; nothing is connected before the first call. Raises InvalidInput for an unusable address."""
        self.name = model
        self.dimensions = dimensions
        self._base_url = checked_base_url(base_url, "TIEOUT_EMBEDDING_BASE_URL")
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._client: Any = None
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Any:
        """Return a float32 array of shape (len(texts), dimensions), rows of length 1.

        Raises ProviderUnavailable after the client's own retries, ProviderError for another answer.
        """
        import openai

        from pipelines.providers.failures import redacted

        with self._lock:
            if self._client is None:
                self._client = openai.OpenAI(
                    base_url=self._base_url,
                    api_key=self._api_key or "none",
                    timeout=self._timeout_s,
                    max_retries=3,
                    http_client=openai.DefaultHttpxClient(follow_redirects=False),  # the key goes nowhere else
                )
        rows: list[Any] = []
        try:
            for start in range(0, len(texts), _BATCH):
                batch = [text or " " for text in texts[start : start + _BATCH]]
                answer = self._client.embeddings.create(model=self.name, input=batch, encoding_format="float")
                rows.extend(item.embedding for item in sorted(answer.data, key=lambda item: item.index))
        except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError) as error:
            said = redacted(str(error), self._api_key)
            raise ProviderUnavailable(f"the embedding endpoint did not answer: {said}") from error
        except openai.APIError as error:
            said = redacted(str(error), self._api_key)
            raise ProviderError(f"the embedding endpoint refused model {self.name!r}: {said}") from error
        return _checked(np.array(rows, dtype=np.float32), len(texts), self.dimensions, self.name)

    def close(self) -> None:
        """Close the connections, if there are any."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


def _checked(rows: Any, count: int, dimensions: int, name: str) -> Any:
    if count == 0:
        return np.zeros((0, dimensions), dtype=np.float32)
    if rows.shape != (count, dimensions):
        raise ProviderError(
            f"model {name!r} gave vectors of shape {rows.shape}, expected ({count}, {dimensions}); fix the dimensions"
        )
    return _unit(rows)


def _unit(rows: Any) -> Any:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths[lengths == 0] = 1.0
    return (rows / lengths).astype(np.float32)


@contextlib.contextmanager
def _root_logger_left_alone() -> Iterator[None]:
    """Undo `logging.basicConfig`, which wordllama calls when it is imported."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
