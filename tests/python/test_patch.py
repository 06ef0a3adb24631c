"""The patch engine on its own."""
import pytest

import aire

FILES = {"a.py": "import os\n\n\ndef rate():\n    return 0.1\n", "run.sh": "exit 0\n"}
ANSWER = """I lower the rate.

a.py
```python
<<<<<<< SEARCH
  return 0.1
=======
  return 0.05
>>>>>>> REPLACE
```
"""


def test_an_answer_is_applied(ctx):
    applied = aire.apply_patch(ctx, ANSWER, FILES)
    assert (applied.outcome, applied.message) == ("ok", "")
    assert applied.files == {"a.py": FILES["a.py"].replace("0.1", "0.05").encode()}
    assert applied.diff.startswith("--- a/a.py\n+++ b/a.py\n@@ ")
    (hunk,) = applied.hunks
    assert (hunk.path, hunk.line, hunk.how) == ("a.py", 5, "whitespace")
    assert 0.5 < hunk.confidence < 1
    assert applied.statistics == {"files": 1, "hunks": 1, "added": 1, "removed": 1, "confidence": hunk.confidence}


def test_a_refusal_says_why(ctx):
    applied = aire.apply_patch(ctx, ANSWER.replace("0.1", "warmup(step)"), FILES)
    assert applied.outcome == "patch failed" and applied.files == {} and applied.hunks == []
    assert "a.py, block 1 of 1" in applied.message
    assert aire.apply_patch(ctx, ANSWER, FILES, protected=["a.py"]).outcome == "violation"
    assert aire.apply_patch(ctx, ANSWER.replace("0.05", "0.1"), FILES).outcome == "no change"


def test_files_are_made_and_removed(ctx):
    diff = "--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+x = 1\n--- a/run.sh\n+++ /dev/null\n@@ -1 +0,0 @@\n-exit 0\n"
    patch = aire.Patch(ctx, diff)
    assert aire.apply_patch(ctx, patch, FILES).outcome == "violation"
    assert aire.apply_patch(ctx, patch, FILES, creatable=["*.py"]).files == {"new.py": b"x = 1\n", "run.sh": None}


def test_a_name_given_wrongly_is_told(ctx):
    with pytest.raises(aire.InvalidError, match="relative path"):
        aire.apply_patch(ctx, ANSWER, {"../a.py": ""})
