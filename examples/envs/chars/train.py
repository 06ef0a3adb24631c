"""The run: trains the model, and hands over what it has learnt, as JSON."""
import json
import os

import model

with open("train.txt", encoding="ascii") as file:
    text = file.read()
with open(os.path.join(os.environ["AIRE_OUT"], "model.json"), "w", encoding="ascii") as file:
    json.dump(model.train(text, int(os.environ["AIRE_SEED"])), file)
