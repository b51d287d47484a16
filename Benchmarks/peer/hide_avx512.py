"""Copies ONNX Runtime and OpenVINO into a folder, where they run as on a CPU with AVX2 alone: their CPUID instructions trap,
and a preloaded hide_avx512.so answers.

usage: hide_avx512.py FOLDER     then PYTHONPATH=FOLDER LD_PRELOAD=FOLDER/hide_avx512.so python ...
"""

import importlib.util
import pathlib
import shutil
import subprocess
import sys

CPUID, TRAP = b"\x0f\xa2", b"\xcc\x90"  # cpuid; int3 and nop
HERE = pathlib.Path(__file__).parent


def lines(*command, word):
    """The lines that a program prints and that hold a word."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        yield from (line.decode() for line in program.stdout if word in line)
    if program.returncode:
        sys.exit(f"hide_avx512: {command[0]} failed")


def segments(library):
    """(address, offset in the file, size) of what is loaded."""
    rows = [line.split() for line in lines("readelf", "--wide", "--segments", library, word=b"LOAD")]
    return [tuple(int(row[i], 16) for i in (2, 1, 4)) for row in rows]


def replace(library):
    """How many instructions were replaced."""
    rows = [line.split() for line in lines("objdump", "--disassemble", "--no-show-raw-insn", library, word=b"cpuid")]
    addresses = [int(row[0].rstrip(":"), 16) for row in rows if row[1] == "cpuid"]
    content, loaded = bytearray(library.read_bytes()), segments(library)
    for address in addresses:
        offset = next(offset + address - start for start, offset, size in loaded
                      if start <= address < start + size)
        if content[offset:offset + 2] != CPUID:
            sys.exit(f"hide_avx512: {library.name} has no cpuid at {offset}")
        content[offset:offset + 2] = TRAP
    library.write_bytes(content)
    return len(addresses)


def main(folder):
    for package in ("onnxruntime", "openvino"):
        source = pathlib.Path(importlib.util.find_spec(package).origin).parent
        shutil.copytree(source, folder / package)
        libraries = [path for path in (folder / package).rglob("*.so*") if not path.is_symlink()]
        if not sum(replace(library) for library in libraries):
            sys.exit(f"hide_avx512: no cpuid was found in {package}")
    subprocess.run(["clang", "-O2", "-shared", "-fPIC", "-o", folder / "hide_avx512.so",
                    HERE / "hide_avx512.c"], check=True)


main(pathlib.Path(sys.argv[1]))
