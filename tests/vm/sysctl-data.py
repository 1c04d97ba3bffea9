"""The files of tests/vm/data/sysctl-*, see sysctl-text.h.

sysctl-data.py compact FILE...         one block for all names with the same writes and results
sysctl-data.py compare STORED FOUND    lines that differ; first values do not count, nor names that only one has
"""
import sys


def read_blocks(path):
    """Name -> (first value, lines); comments apart."""
    blocks, comments, lines = {}, [], []
    with open(path, encoding="ascii") as file:
        for line in file.read().splitlines():
            if line.startswith("#"):
                comments.append(line)
            elif line.startswith("@"):
                lines = []
                for name in line.split()[1:]:
                    key, _, value = name.partition("=")
                    blocks[key] = (value, lines)
            else:
                lines.append(line)
    return blocks, comments


def compact(path):
    blocks, comments = read_blocks(path)
    groups = {}
    for name, (value, lines) in blocks.items():
        groups.setdefault("\n".join(lines), []).append(f"{name}={value}")
    for comment in comments:
        print(comment)
    for text, names in groups.items():
        print("@", *names)
        print(text)


def compare(stored_path, found_path):
    (stored, _), (found, _) = read_blocks(stored_path), read_blocks(found_path)
    different = 0
    for name in sorted(set(stored) & set(found)):
        for old, new in zip(stored[name][1], found[name][1], strict=True):
            if old != new:
                different += 1
                print(f"{name}: stored {old}, found {new}")
    for name in sorted(set(stored) - set(found)):
        print(f"{name}: this kernel has no such name")
        different += 1
    return different == 0


if sys.argv[1] == "compact":
    compact(sys.argv[2])
else:
    sys.exit(not compare(sys.argv[2], sys.argv[3]))
