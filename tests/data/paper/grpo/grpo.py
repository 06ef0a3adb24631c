"""Pretends to learn: an accuracy that rises."""
for step in range(3):
    print(f"step {step} accuracy: {0.25 + 0.1 * step:.2f}")
