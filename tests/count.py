#!/usr/bin/env python3
"""Add up JUnit reports: the last line of a test run.

usage: count.py DIRECTORY    every *.xml in it is a report; names failures; exit 1 if any, or if nothing ran
"""
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

passed = failed = skipped = 0
for report in sorted(pathlib.Path(sys.argv[1]).glob("*.xml")):
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            print(f"failed: {report.stem}: {case.get('classname', '')} {case.get('name', '')}")
        elif case.find("skipped") is not None:
            skipped += 1
            print(f"skipped: {report.stem}: {case.get('classname', '')} {case.get('name', '')}")
        else:
            passed += 1
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
