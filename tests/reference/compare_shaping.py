"""How well the conditions of DKS and TAT hold for the answers of dks 0.1.2 and for ours: the table of docs/shaping.md.

tests/python.sh tests/reference/compare_shaping.py shaping.h5 [INFINITILE]

shaping.h5 is the golden file of shaping.md; its residuals of the package's answers were found by adaptive quadrature. Ours are those that
`infinitile shape` writes. One run per network and goal: all activations stand in one network, and shape.subnetworks says which network they
are shaped for.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

import h5py
import yaml

OURS = {"swish": "silu", "bentid": "bent_identity", "gelu_exact": "gelu"}
CONDITIONS = {"q": "Q(1)", "c0": "C(0)", "q_slope": "Q'(1)", "c_slope": "C'(1)", "c_curvature": "C''(1)"}
OUR_NAMES = {"q": "q", "c0": "c_at_0", "q_slope": "q_slope", "c_slope": "c_slope", "c_curvature": "c_curvature"}


def residual_blocks(groups, activations, weight, v2=True):
    """The published residual networks, as in shaping.md."""
    blocks = []
    for count in groups:
        block = {"activations": activations, "shortcut_weight": weight} | ({} if v2 else {"then": 1})
        first = block | ({"projection": True} if v2 else {})
        blocks += [first, block | {"times": count - 1}]
    return {"blocks": blocks, "then": 1}


NETS = {f"chain_{depth}": {"chain": depth} for depth in (10, 50, 100)} | {
    "resnet50_v2_w0": residual_blocks((3, 4, 6, 3), 3, 0.0),
    "resnet50_v2_w0.5": residual_blocks((3, 4, 6, 3), 3, 0.5),
    "resnet50_v2_w0.8": residual_blocks((3, 4, 6, 3), 3, 0.8),
    "resnet101_v2_w0.6": residual_blocks((3, 4, 23, 3), 3, 0.6),
    "resnet34_v1_w0.5": residual_blocks((3, 4, 6, 3), 1, 0.5, v2=False),
}


def layer(name):
    return {"gelu": {"gelu": {"approximate": True}}, "leaky_relu": {"leaky_relu": {"alpha": 0.01}}}.get(name, OURS.get(name, name))


def run(program, folder, method, net, key, goal, names):
    """Residuals of each activation that `infinitile shape` finds for one network and goal."""
    job = {
        "data": {"train": {"file": "none.h5"}, "shape": [64]},
        "network": [part for name in names for part in ("dense", layer(name))],
        "shape": {"method": method, key: goal, "subnetworks": NETS[net]},
    }
    (folder / "job.yaml").write_text(yaml.safe_dump(job))
    shutil.rmtree(folder / "job.run", ignore_errors=True)
    done = subprocess.run([program, "shape", "job.yaml"], cwd=folder, text=True, capture_output=True)
    if done.returncode:
        sys.exit(done.stderr)
    found, seen = {}, {}
    with h5py.File(folder / "job.run/result.h5") as file:
        for name in names:
            ours = "gelu" if name == "gelu" else OURS.get(name, name)
            seen[ours] = seen.get(ours, 0) + 1
            group = file[f"shape/{ours}" + (f"_{seen[ours]}" if seen[ours] > 1 else "")].attrs
            found[name] = {condition: group["residual_" + key] for condition, key in OUR_NAMES.items() if "residual_" + key in group}
    return found


def cases(file):
    for method, key, sign in (("DKS", "c_slope_1_target", "zeta_"), ("TAT", "c_curve_target", "tau_")):
        for net in file[method]:
            for goal in file[method][net]:
                groups = file[method][net][goal]
                theirs = {name: {c: float(g[f"{c}_residual"][()]) for c in CONDITIONS if f"{c}_residual" in g} for name, g in groups.items()}
                yield method, net, key, float(goal.removeprefix(sign)), {name: found for name, found in theirs.items() if found}
    for net, goals in file["TAT_leaky_relu"].items():
        for goal, group in goals.items():
            found = {c: float(group[f"{c}_residual"][()]) for c in ("q", "c_slope") if f"{c}_residual" in group}
            if found:
                yield "TAT", net, "c_val_0_target", float(goal.removeprefix("eta_")), {"leaky_relu": found}


def worst_of(residuals):
    condition = max(residuals, key=lambda c: abs(residuals[c]))
    return abs(residuals[condition]), condition


def main(golden, program):
    rows = {}
    with h5py.File(golden) as file, tempfile.TemporaryDirectory() as scratch:
        for method, net, key, goal, theirs in cases(file):
            possible = {name: found for name, found in theirs.items() if method == "DKS" or name != "selu"}
            ours = run(program, pathlib.Path(scratch), method.lower(), net, key, goal, list(possible))
            for name, found in possible.items():
                rows.setdefault((method, OURS.get(name, "gelu, approximate" if name == "gelu" else name)), []).append(
                    (*worst_of(found), net, goal, worst_of(ours[name])[0])
                )
    print("| method | activation | networks and goals | reference, largest | where | ours, largest of all |")
    print("|---|---|---|---|---|---|")
    for (method, name), found in sorted(rows.items(), key=lambda row: (row[0][0], -max(row[1])[0])):
        theirs, condition, net, goal, _ = max(found)
        print(f"| {method} | {name} | {len(found)} | {theirs:.1e} | {CONDITIONS[condition]}, {net}, {goal:g} | {max(row[4] for row in found):.1e} |")


if __name__ == "__main__":
    root = pathlib.Path(__file__).resolve().parents[2]
    main(sys.argv[1], str(pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else root / "build/release/infinitile").resolve()))
