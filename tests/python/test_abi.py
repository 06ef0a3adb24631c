"""The table of the C interface agrees with the headers and with the compiler."""
import ctypes
import pathlib
import subprocess
import sys

from aire import _abi

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_table_is_up_to_date():
    run = subprocess.run([sys.executable, ROOT / "bindings/python/gen_abi.py", "--check"],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_layout_is_the_compilers(tmp_path):
    structs = [name for name, kind in vars(_abi).items()
               if isinstance(kind, type) and issubclass(kind, ctypes.Structure) and getattr(kind, "_fields_", ())]
    assert len(structs) > 15
    lines = ["#include <aire/aire.h>", "#include <stdio.h>", "int main(void) {"]
    expected = []
    for name in structs:
        kind = getattr(_abi, name)
        lines.append(f'printf("%zu\\n", sizeof({name}));')
        expected.append(ctypes.sizeof(kind))
        for field, _ in kind._fields_:
            lines.append(f'printf("%zu\\n", offsetof({name}, {field}));')
            expected.append(getattr(kind, field).offset)
    source = tmp_path / "layout.c"
    source.write_text("\n".join(lines + ["return 0; }"]))
    subprocess.run(["cc", "-I", ROOT / "include", source, "-o", tmp_path / "layout"], check=True)
    printed = subprocess.run([tmp_path / "layout"], check=True, capture_output=True, text=True).stdout
    assert [int(value) for value in printed.split()] == expected


def test_functions_are_those_of_the_version_scripts():
    listed = set()
    for script in ("libaire.map", "libaire-train.map"):
        text = (ROOT / "lib" / script).read_text()
        listed |= {line.strip(" ;\n") for line in text.splitlines() if line.strip().startswith("aire_")}
    assert set(_abi.FUNCTIONS) <= listed
    missing = {name for name in listed - set(_abi.FUNCTIONS)}
    loop = (ROOT / "lib/libaire.map").read_text()
    assert not [name for name in missing if f" {name};" in loop]
