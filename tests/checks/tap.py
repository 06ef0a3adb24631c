"""Test Anything Protocol for the checks: one line a check, its findings as comments."""
import sys


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, name, findings):
        """Report a check: it passes if `findings` (an iterable of lines) is empty."""
        findings = list(findings)
        self.count += 1
        self.failed += bool(findings)
        for line in findings:
            print("#", line)
        print("not ok" if findings else "ok", self.count, "-", name)

    def done(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed or not self.count else 0)
