"""Takes what tests need out of the golden file of DKS and TAT transformations (see shaping.md).

python make_shaping.py shaping.h5 FOLDER
"""
import sys

import h5py

OURS = {"swish": "silu", "bentid": "bent_identity", "gelu_exact": "gelu", "gelu": "gelu_approximate"}
PARAMETERS = ("input_scale", "input_shift", "output_scale", "output_shift", "negative_slope")


def targets_of(group, goal, local):
    return {round(float(a), 9): float(b) for a, b in zip(group[goal][()], group[local][()])}


def solutions(file):
    for method, goal, local in (("DKS", "zeta", "local_slope"), ("TAT", "tau", "local_curvature")):
        for net in file[method]:
            targets = targets_of(file["targets"][net], goal, local)
            for name in file[method][net]:
                value = round(float(name.split("_")[1]), 9)
                for activation, group in file[method][net][name].items():
                    numbers = [float(group[p][()]) if p in group else 0.0 for p in PARAMETERS]
                    yield method.lower(), net, value, targets[value], OURS.get(activation, activation), *numbers
    for net, groups in file["TAT_leaky_relu"].items():
        for name, group in groups.items():
            reached = "negative_slope" in group
            numbers = [1.0, 0.0, float(group["output_scale"][()]), 0.0, float(group["negative_slope"][()])] if reached else [0.0] * 5
            yield "tat_leaky", net, float(name.split("_")[1]), float(reached), "leaky_relu", *numbers


def maps(file):
    for method, groups in file["maps"].items():
        for activation, group in groups.items():
            for kind in "c", "q":
                for x, y in zip(group[kind][()], group[kind + "_map"][()]):
                    yield method.lower().replace("tat_leaky_relu", "tat_leaky"), OURS.get(activation, activation), kind, float(x), float(y)


with h5py.File(sys.argv[1]) as file:
    for name, head, rows in (
        ("shaping.csv", "method,net,goal,local,activation," + ",".join(PARAMETERS), solutions(file)),
        ("shaping_maps.csv", "method,activation,map,at,value", maps(file)),
    ):
        with open(f"{sys.argv[2]}/{name}", "w") as out:
            print(head, file=out)
            count = 0
            for row in rows:
                print(*(repr(v) if isinstance(v, float) else v for v in row), sep=",", file=out)
                count += 1
        print(name, count, "rows")
