#!/bin/bash
uv run python grpo.py --steps 3
