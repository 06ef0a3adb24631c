"""Embeddings: texts as vectors."""
from __future__ import annotations

import ctypes
from typing import List, Optional, Sequence

from . import _abi
from ._handle import Handle, interruptible, make, pointer_of
from ._lib import check, lib, options, string_list, text
from .context import Cancel, Context
from .model import _body, _key_of_environment


class Embedder(Handle):
    """A client of an OpenAI-compatible endpoint: "chat:MODEL@URL" or "openai:MODEL". Keys as for Model."""

    _type = "embedder"

    def __init__(self, ctx: Context, spec: str, api_key: Optional[str] = None) -> None:
        self._ctx = ctx
        if api_key is None:
            api_key = _key_of_environment(spec)
        given = options(_abi.aire_model_options, api_key=_body(api_key) or None)
        super().__init__(make("embedder", lib.aire_embedder_new, ctx._p, text(spec), ctypes.byref(given)))

    def embed(self, texts: Sequence[str], cancel: Optional[Cancel] = None) -> List[List[float]]:
        """A vector for each text, in their order."""
        values = ctypes.POINTER(ctypes.c_float)()
        dimension = ctypes.c_size_t()
        items = string_list(texts)
        token = cancel or Cancel(self._ctx)
        interruptible(token, lambda: check(lib.aire_embedder_embed(
            self._p, items, len(texts), pointer_of(token), ctypes.byref(values), ctypes.byref(dimension))))
        size = dimension.value
        try:
            return [list(values[i * size:(i + 1) * size]) for i in range(len(texts))]
        finally:
            lib.aire_free(self._ctx._p, values)


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """How alike two vectors are, from -1 to 1."""
    if len(a) != len(b):
        raise ValueError("vectors of different dimensions")
    array = ctypes.c_float * len(a)
    return lib.aire_embedding_cosine(array(*a), array(*b), len(a))
