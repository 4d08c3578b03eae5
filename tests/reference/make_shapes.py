"""Writes shapes.yaml: the output shape of each layer of the golden networks whose inputs have positions, by plain.py (the slow implementation that the
golden kernels were checked with: positions as matrices, no formula of this project), and parameters.yaml: outputs and trainable numbers of finite networks.

    python make_shapes.py DIRECTORY networks.yaml finite.h5      DIRECTORY holds plain.py and language.py
"""
import sys

import h5py
import numpy as np
import yaml

sys.path.insert(0, sys.argv[1])
import plain  # noqa: E402


def shapes(case):
    """Of each layer in the order in which it is ready: branches before what merges them, a repeat being no layer."""
    found = []
    run = plain._sequence

    def sequence(layers, kernel, samples):
        for layer in layers:
            kernel = run([layer], kernel, samples)
            if layer[0] != "repeat":
                found.append([*map(int, kernel.space), int(kernel.width)])
        return kernel

    plain._sequence = sequence
    try:
        plain.kernels(case["network"], np.ones((1, *case["x"])))
    finally:
        plain._sequence = run
    return found


def write(path, comment, lines):
    with open(path, "w") as file:
        file.write(comment + "".join(lines))


with open(sys.argv[2]) as file:
    CASES = yaml.safe_load(file)
write("shapes.yaml", "# Output shapes, channels last, of the layers of networks.yaml in the order of the graph; by make_shapes.py, which says how.\n",
      [f"{name}: {shapes(case)}\n" for name, case in CASES.items() if len(case["x"]) > 1])


def count(group):
    sizes = []
    group.visititems(lambda _, each: sizes.append(each.size) if isinstance(each, h5py.Dataset) else None)
    return sum(sizes)


with h5py.File(sys.argv[3]) as source:
    write("parameters.yaml",
          "# Finite networks with the shape of an input, of an output, and how many trainable numbers neural-tangents 0.6.5 drew for them; by make_shapes.py.\n",
          [yaml.safe_dump({name: {"x": [int(n) for n in case["x1"].shape[1:]], "y": [int(n) for n in case["y1"].shape[1:]],
                                  "parameters": count(case["params"]), "network": yaml.safe_load(case.attrs["network"])}},
                          default_flow_style=True, width=10000, sort_keys=False).strip()[1:-1] + "\n" for name, case in source.items()])
