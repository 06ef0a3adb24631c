"""One pass: {"sequences": [...]} in, {"probabilities": [...]} out. It runs the variant's code, in a sandbox of its own: it has
neither the hidden text nor a way to the other passes."""
import json
import os

import model

with open(os.path.join(os.environ["AIRE_OUT"], "model.json"), encoding="ascii") as file:
    state = json.load(file)
with open(os.environ["AIRE_INPUT"], encoding="ascii") as file:
    sequences = json.load(file)["sequences"]
answer = {"probabilities": [model.predict(state, sequence) for sequence in sequences]}
with open(os.environ["AIRE_ANSWER"], "w", encoding="ascii") as file:
    json.dump(answer, file)
