#!/bin/bash
timeout=60s
if [ ! -e shards/part.bin ]; then
    echo "no shards"
    uv run python fetch.py
fi
if ! timeout $timeout uv run --project . --index-strategy first-index python train.py; then
    echo "train.py failed"
fi
echo "run_job.sh is done"
