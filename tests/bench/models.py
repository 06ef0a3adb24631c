"""Many streaming requests at once, beside the Python package `openai` on the same server, which answers after 50 ms.

usage: models.py BENCH_MODELS CHAT_SERVER [REQUESTS]      with the Python that has openai
"""
import asyncio
import json
import re
import resource
import subprocess
import sys

GOAL_CPU, GOAL_MEMORY, TOKENS = 1 / 8, 1 / 10, 64


async def ask(client):
    stream = await client.chat.completions.create(
        model="m", stream=True, temperature=1, stream_options={"include_usage": True},
        messages=[{"role": "user", "content": "Propose an experiment on the learning rate schedule."}])
    length = 0
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            length += len(chunk.choices[0].delta.content)
    return length


async def ask_all(url, requests):
    import httpx2 as httpx
    import openai

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    http = httpx.AsyncClient(limits=limits, timeout=600)
    async with openai.AsyncOpenAI(base_url=url, api_key="none", http_client=http, max_retries=0) as client:
        lengths = await asyncio.gather(*(ask(client) for _ in range(requests)))
    return sum(lengths)


async def stream(http, url):
    """No more than a client of one's own would do: lines, and JSON."""
    body = {"model": "m", "stream": True, "temperature": 1, "stream_options": {"include_usage": True},
            "messages": [{"role": "user", "content": "Propose an experiment on the learning rate schedule."}]}
    length = 0
    async with http.stream("POST", f"{url}/chat/completions", json=body) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                chunk = json.loads(line[6:])
                length += len((chunk["choices"] or [{"delta": {}}])[0]["delta"].get("content") or "")
    return length


async def stream_all(url, requests):
    import httpx2 as httpx

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=600) as http:
        return sum(await asyncio.gather(*(stream(http, url) for _ in range(requests))))


def peer(ask_them, url, requests):
    """In a process of its own: its peak memory is measured."""
    length = asyncio.run(ask_them(url, requests))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"cpu_ms {(used.ru_utime + used.ru_stime) * 1e3 / requests:.3f} peak_mb {used.ru_maxrss / 1024:.1f} "
          f"bytes {length}")


def figures(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]}: {done.stdout}{done.stderr}")
    return {name: float(value) for name, value in re.findall(r"(\w+) ([\d.]+)", done.stdout)}


def main(bench, server, requests=2000):
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    with subprocess.Popen([server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as endpoint:
        url = f"http://127.0.0.1:{endpoint.stdout.readline().strip()}/v1"
        ours = figures(bench, url, str(requests))
        try:
            import openai
            theirs = figures(sys.executable, __file__, "--openai", url, str(requests))
            plain = figures(sys.executable, __file__, "--httpx", url, str(requests))
            name = f"openai-{openai.__version__}"
        except ImportError:
            theirs, plain, name = None, None, "missing"
        endpoint.stdin.close()
    print(f"# {requests} streaming requests at once: {ours['elapsed_ms']:.0f} ms, {ours['bytes']:.0f} bytes of text")
    for what, unit, goal in (("cpu_ms", "ms_per_request", GOAL_CPU), ("peak_mb", "MB", GOAL_MEMORY)):
        line = f"BENCH models.{what} value={ours[what]:.3f} unit={unit} peer={name}"
        if theirs:
            ratio = ours[what] / theirs[what]
            line += f" peer_value={theirs[what]:.3f} ratio={ratio:.3f} goal={goal:.3f} pass={'yes' if ratio <= goal else 'no'}"
        print(line)
    line = f"BENCH models.cpu_us_per_token value={ours['cpu_ms'] * 1e3 / TOKENS:.2f} unit=us"
    print(line + (f" peer=httpx peer_value={plain['cpu_ms'] * 1e3 / TOKENS:.2f} ratio={ours['cpu_ms'] / plain['cpu_ms']:.3f}"
                  if plain else " peer=missing"))


if __name__ == "__main__":
    if sys.argv[1:2] in (["--openai"], ["--httpx"]):
        peer(ask_all if sys.argv[1] == "--openai" else stream_all, sys.argv[2], int(sys.argv[3]))
    elif len(sys.argv) < 3:
        sys.exit(__doc__)
    else:
        main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:4]))
