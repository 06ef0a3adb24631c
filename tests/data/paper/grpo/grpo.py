"""Pretends to learn: an accuracy that rises, as its evaluation prints it."""
for step in range(3):
    print("Accuracy of sampled rollouts: 40/50 = 80.0%")
    print(f"Accuracy: {12.5 + 5 * step}/50 = {25 + 10 * step}.0%")
