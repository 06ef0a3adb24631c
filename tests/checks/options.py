#!/usr/bin/env python3
"""For every options struct the INIT macro and the init function agree, and bad sizes are refused.

Writes a C program to standard output; the build compiles and runs it.
usage: options.py SOURCE_ROOT > options_check.c
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
rows = []
headers = sorted((root / "include/aire").glob("*.h"))
for header in headers:
    for function in re.findall(r"aire_status (aire_\w+_options)_init\(", header.read_text()):
        rows.append(function)

print("/* Generated: see tests/checks/options.py. */")
print("#include <stdio.h>\n#include <string.h>")
for header in headers:
    print(f'#include "aire/{header.name}"')
print("\nstatic int number, failures;\n")
print("static void check(const char *name, int good)\n{")
print('    printf("%s %d - %s\\n", good ? "ok" : "not ok", ++number, name);')
print("    failures += !good;\n}\n")
print("int main(void)\n{")
for name in rows:
    macro = name.upper() + "_INIT"
    print("    {")
    print(f"        {name} by_macro = {macro}, by_function;")
    print("        unsigned char larger[5000] = {0};")
    print("        memset(&by_function, 0xaa, sizeof by_function);")
    print(f"        int good = {name}_init(&by_function, sizeof by_function) == AIRE_OK;")
    print("        good &= memcmp(&by_macro, &by_function, sizeof by_macro) == 0;")
    print(f'        check("{name}: macro equals function", good);')
    print(f'        check("{name}: too small", {name}_init(&by_function, 3) == AIRE_ABI);')
    print(f'        check("{name}: too large", {name}_init(({name} *)(void *)larger, sizeof larger) == AIRE_ABI);')
    print("    }")
print('    printf("1..%d\\n", number);')
print("    return failures || !number;\n}")
