"""Writes positions_masked.h5 (see infinite.md): kernels of masked inputs, of graphs, and of networks with several outputs (masked.yaml).

python make_masked.py FOLDER [positions_masked.h5]

FOLDER has the scripts of the golden file infinite.h5. Needs Python 3.11 with neural-tangents==0.6.5 jax==0.4.30 jaxlib==0.4.30 numpy==1.26.4
scipy==1.13.1 h5py gmpy2 pyyaml. Every kernel is computed twice: by neural-tangents, and layer by layer in 40 digits, plain and obvious; where
they differ, a note has to say why.
"""
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import yaml

here = Path(__file__).resolve().parent
sys.path.insert(0, sys.argv[1])
import language  # noqa: E402

language.LAYERS["aggregate"] = dict(aggregate_axis=None, implementation="DENSE", batch_axis=0, channel_axis=-1)
import nt_from_yaml  # noqa: E402
import oracle  # noqa: E402
import plain  # noqa: E402
from gmpy2 import mpfr  # noqa: E402
from neural_tangents import stax  # noqa: E402

nt_from_yaml.LAYERS["aggregate"] = stax.Aggregate
PADDING = -7.25  # what neural-tangents gets at masked positions
HOLLOW = {"dense", "conv", "conv_transpose", "conv_local", "global_self_attention", "avg_pool", "sum_pool", "image_resize", "aggregate"}


class Masked:
    """The plain kernel of a network, and which positions of each sample are there: (samples, positions), with axes (space) as the kernel's."""

    def __init__(self, there, patterns):
        self.start, self.patterns = there, patterns

    def kernels(self, network, x, n_train, jitter=None):
        n = len(x)
        first, second = np.concatenate([np.tile(np.arange(n), (2, 1)), np.triu_indices(n)], axis=1)
        samples = plain.Samples(first, second, (np.arange(n) >= n_train).astype(int), jitter)
        x = np.where(self.start[..., None], x, 0.0)
        flat = plain.exact(x.reshape(n, -1, x.shape[-1]))
        k = np.array([flat[i] @ flat[j].T / x.shape[-1] for i, j in zip(first, second)])
        out = plain.Kernel(k, plain.zeros(k.shape), x.shape[1:-1], x.shape[-1])
        out, _ = self.sequence(network, out, self.start.reshape(n, -1), samples)
        return tuple(plain._square(v[samples.result, 0, 0].astype(float), n) for v in (out.k, out.t))

    def sequence(self, network, kernel, there, samples):
        for name, params in network:
            kernel, there = self.layer(name, params, kernel, there, samples)
        return kernel, there

    def layer(self, name, params, kernel, there, samples):
        if name == "repeat":
            for _ in range(params["times"]):
                kernel, there = self.sequence(params["layers"], kernel, there, samples)
            return kernel, there
        if name in ("sum", "product", "concat"):
            return self.merge(name, params, kernel, there, samples)
        if name in ("global_avg_pool", "layer_norm", "global_self_attention", "aggregate"):
            out = getattr(self, name)(kernel, params, there, samples)
        elif name in plain.LAYERS:
            out = plain.LAYERS[name](kernel, params, samples)
        else:
            out = plain._activation(kernel, name, params, samples)
        there = self.carry(name, params, kernel, out, there, samples)
        hollow = name in HOLLOW or name in language.ACTIVATIONS
        return (self.conceal(out, there, samples) if hollow else out), there

    def conceal(self, kernel, there, samples):
        both = there[samples.first][:, :, None] & there[samples.second][:, None, :]
        return kernel.both(lambda m: np.where(both, m, mpfr(0)))

    def merge(self, name, params, kernel, there, samples):
        branches = params["branches"] if name == "concat" else params
        outs, masks = zip(*(self.sequence(branch, kernel, there, samples) for branch in branches))
        calls = iter(outs)
        keep, plain._sequence = plain._sequence, lambda *_: next(calls)  # the branches are done
        try:
            out = plain.LAYERS[name](kernel, params, samples)
        finally:
            plain._sequence = keep
        axis = params["axis"] % (len(kernel.space) + 2) if name == "concat" else 0
        if name == "concat" and axis <= len(kernel.space):
            shaped = [mask.reshape(len(mask), *o.space) for mask, o in zip(masks, outs)]
            return out, np.concatenate(shaped, axis=axis).reshape(len(there), -1)
        return out, np.any(masks, axis=0)  # masked where all branches are

    def carry(self, name, params, before, after, there, samples):
        """The mask behind a layer."""
        if name in ("conv", "conv_local", "avg_pool", "sum_pool"):
            sizes = params["window_shape" if "pool" in name else "filter_shape"]
            axes = []
            for n, f, s in zip(before.space, sizes, params["strides"] or (1,) * len(sizes)):
                same = params["padding"] in ("SAME", "CIRCULAR")
                count, low = plain._same_padding(n, f, s) if same else ((n - f) // s + 1, 0)
                axes.append([s * o + (f - 1) // 2 - low for o in range(count)])
            return there.reshape(-1, *before.space)[(slice(None), *np.ix_(*axes))].reshape(len(there), -1)
        if name in ("global_avg_pool", "global_sum_pool", "flatten"):
            return there.any(axis=1, keepdims=True)
        if name == "conv_transpose":
            axes = plain._axis_taps(before, params, "filter_shape", plain._transpose_taps)
            reads = plain._kron([taps.sum(axis=0) for taps in axes]) > 0
            return ~((reads[None] & ~there[:, None, :]).any(axis=2))
        if name in ("image_resize", "index", "dot_general"):  # there where something is read that is
            unit = [replace(before, k=plain.exact(np.diag(row)[None]), t=plain.exact(np.diag(row)[None])) for row in np.eye(before.k.shape[1])]
            reads = np.array([np.einsum("npp->p", plain.LAYERS[name](u, params, samples).k) != 0 for u in unit]).T
            return (reads[None] & there[:, None, :]).any(axis=2)
        return there

    def global_avg_pool(self, kernel, params, there, samples):
        count = np.maximum(there.sum(axis=1), 1)
        over = plain.exact((count[samples.first] * count[samples.second]).astype(float))[:, None, None]
        return kernel.both(lambda m: m.sum(axis=(1, 2), keepdims=True) / over, space=())

    def layer_norm(self, kernel, params, there, samples):
        axis = params["axis"] if isinstance(params["axis"], (list, tuple)) else [params["axis"]]
        spatial = tuple(a % (len(kernel.space) + 2) for a in axis if 0 < a % (len(kernel.space) + 2) <= len(kernel.space))
        shape = (len(there), *kernel.space)
        here = there.reshape(shape)
        v = np.where(here, (kernel.variance(samples) + mpfr(params["eps"])).reshape(shape), mpfr(0))
        if spatial:
            v = v * 0 + v.sum(axis=spatial, keepdims=True)
            here = np.broadcast_to(here.sum(axis=spatial, keepdims=True), shape)
        v = np.where(here > 0, v / plain.exact(np.maximum(here, 1).astype(float)), mpfr(1)).reshape(len(there), -1)
        norm = plain.root(v)
        return kernel.both(lambda m: m / norm[samples.first][:, :, None] / norm[samples.second][:, None, :])

    def global_self_attention(self, kernel, params, there, samples):
        """The plain layer, with no attention and no embedding where there is nothing."""
        real_weights, real_eye = plain._attention_weights, np.eye

        def weights(logits, mechanism):
            heard = np.broadcast_to(there[:, None, :], logits.shape)
            if mechanism == "SOFTMAX":
                e = np.where(heard, np.frompyfunc(plain.exp, 1, 1)(logits), mpfr(0))
                return e / np.maximum(e.sum(axis=2, keepdims=True), mpfr("1e-300"))
            return real_weights(np.where(heard, logits, mpfr(0)), mechanism)

        both = there[samples.first][:, :, None] & there[samples.second][:, None, :]
        plain._attention_weights = weights
        plain.np = type("numpy", (), {**vars(np), "eye": staticmethod(lambda n: np.where(both, real_eye(n), 0.0))})
        try:
            return plain.LAYERS["global_self_attention"](kernel, params, samples)
        finally:
            plain._attention_weights, plain.np = real_weights, np

    def aggregate(self, kernel, params, there, samples):
        a = plain.exact(self.patterns)
        first, second = a[samples.first].swapaxes(1, 2), a[samples.second]
        return kernel.both(lambda m: first @ m @ second)


def full_matrices(patterns, shape, axes):
    """Graphs over some axes, (n, vertices, vertices), as matrices over all positions."""
    sizes, n = shape[:-1], int(np.prod(shape[:-1]))
    index = np.array(np.unravel_index(np.arange(n), sizes))
    vertex = np.ravel_multi_index([index[a - 1] for a in axes], [sizes[a - 1] for a in axes])
    rest = [a for a in range(1, len(sizes) + 1) if a not in axes]
    same = np.all([index[a - 1][:, None] == index[a - 1][None] for a in rest], axis=0) if rest else np.ones((n, n), bool)
    return patterns[:, vertex[:, None], vertex[None]] * same


def masks(kind, shape, rows, random):
    sizes = shape[:-1]
    if kind == "holes":
        there = random.random((rows, *sizes)) < 0.65
        there[(slice(None), *(0 for _ in sizes))] = True
    elif kind == "lengths":  # along the first axis, one input whole
        lengths = np.append(random.integers(1, sizes[0] + 1, rows - 1), sizes[0])
        there = np.broadcast_to((np.arange(sizes[0]) < lengths[:, None]).reshape(rows, sizes[0], *(1 for _ in sizes[1:])), (rows, *sizes)).copy()
    elif kind == "one":  # of every second input the first position alone
        there = np.ones((rows, *sizes), bool)
        there[::2, 1:] = False
    else:
        there = np.ones((rows, *sizes), bool)
    return there


def edge_lists(random, rows, sizes, edges=9):
    """(rows, edges, axes, 2): one edge twice, the last ones padding, more of it in some rows than in others."""
    out = np.stack([random.integers(0, size, (rows, edges, 2)) for size in sizes], axis=2)
    out[:, 1] = out[:, 0]
    for row in range(rows):
        out[row, edges - 1 - row % 3 :] = -1
    return out


def matrices_of_edges(edges, sizes):
    out = np.zeros((len(edges), int(np.prod(sizes)), int(np.prod(sizes))))
    for row, one in enumerate(edges):
        for ends in one:
            if (ends >= 0).all():
                sender, receiver = (np.ravel_multi_index(ends[:, side], sizes) for side in (0, 1))
                out[row, sender, receiver] += 1
    return out


def by_plain(case, x, there, matrices, n, jitter=None):
    network = language.parse(case["network"])
    if isinstance(x, list):  # its branch of every parallel is all that an output sees
        network = [layer for _, branches in network for layer in branches[case["output"]]]
        x, there = x[case["output"]], there[case["output"]]
    joint = Masked(there, matrices).kernels(network, x, n, jitter)
    return dict(zip(oracle.BLOCKS, [k[:n, :n] for k in joint] + [k[n:, :n] for k in joint] + [k.diagonal()[n:] for k in joint]))


def by_reference(case, x, there, pattern, n):
    several = isinstance(x, list)
    values = [np.where(t[..., None], one, PADDING) for one, t in zip(x if several else [x], there if several else [there])]
    train, test = ([one[part] for one in values] for part in (slice(None, n), slice(n, None)))
    kernel_fn = nt_from_yaml.build(case["network"])[2]
    blocks = []
    for one, two in ((train, None), (test, train), (test, None)):
        more = {} if pattern is None else {"pattern": tuple(pattern[:n] if p is train else pattern[n:] for p in (one, two or one))}
        if case.get("mask"):
            more["mask_constant"] = PADDING
        out = kernel_fn(one if several else one[0], (two if several else two[0]) if two else None, get=("nngp", "ntk"), **more)
        out = out[case["output"]] if several else out
        blocks += [np.asarray(k) for k in (out.nngp, out.ntk)]
    return dict(zip(oracle.BLOCKS, blocks[:4] + [k.diagonal() for k in blocks[4:]]))


def make(name, case, group):
    random = np.random.default_rng(zlib.crc32(case.get("same_as", name).encode()))
    n, rows = 4, 7
    several = isinstance(case["x"][0], list)
    shapes = case["x"] if several else [case["x"]]
    there = [masks(case.get("mask") if len(shape) > 1 else None, shape, rows, random) for shape in shapes]
    x = [random.normal(size=(rows, *shape)) for shape in shapes]
    for one in x:
        one[n] = one[0] * (1 + 1e-3) + 1e-4 * random.normal(size=one[0].shape)  # a near duplicate
    for one, t in zip(x, there):
        if case.get("mask") in ("holes", "lengths"):
            t[n] = t[0]
        one *= t[..., None]
    pattern = matrices = None
    if "pattern" in case:
        shape = shapes[0]
        axes = case.get("pattern_axes", list(range(1, len(shape))))
        sizes = [shape[a - 1] for a in axes]
        if case["pattern"] == "dense":
            pattern = random.normal(size=(rows, *sizes, *sizes)) * (random.random((rows, *sizes, *sizes)) < 0.5)
            matrices = pattern.reshape(rows, int(np.prod(sizes)), -1)
        else:
            pattern = edge_lists(random, rows, sizes)
            matrices = matrices_of_edges(pattern, sizes)
            if case["pattern"] == "edges_as_matrix":
                pattern = matrices.reshape(rows, *sizes, *sizes)
        matrices = full_matrices(matrices, shape, axes)
    inputs = (x, there) if several else (x[0], there[0])
    blocks = by_plain(case, *inputs, matrices, n)
    loss, _ = oracle.compare(blocks, by_plain(case, *inputs, matrices, n, np.random.default_rng(0)))
    try:
        difference, nans = oracle.compare(blocks, by_reference(case, *inputs, pattern, n))
    except Exception as error:
        difference, nans = {"nngp": np.inf, "ntk": np.inf}, str(error).split("\n")[0][:100]
    agrees = not nans and all(d <= 1e-11 + 10 * loss[kind] for kind, d in difference.items())
    print(f"{name:24s} loss {loss['nngp']:.0e} {loss['ntk']:.0e}  neural-tangents off by {difference['nngp']:.0e} {difference['ntk']:.0e} {nans or ''}", flush=True)
    if not agrees and "note" not in case:
        print(f"    {name}: neural-tangents disagrees, and no note says why")
    if agrees and "note" in case:
        print(f"    {name}: neural-tangents agrees after all")
    group.attrs["network"] = oracle.as_text(case["network"])
    group.attrs["origin"] = oracle.REFERENCE.replace("plain.py", "make_masked.py") if agrees else "make_masked.py in 40 digits; see note"
    if not agrees:
        group.attrs["note"] = case.get("note", "?")
    for kind in ("nngp", "ntk"):
        group.attrs[f"float64_loss_{kind}"] = loss[kind]
    if several:
        group.attrs["output"] = case["output"]
    datasets = dict(blocks)
    for number, (one, t) in enumerate(zip(x, there)):
        suffix = "b" if number else ""
        for part, rows_of in (("1", slice(None, n)), ("2", slice(n, None))):
            datasets[f"x{part}{suffix}"] = one[rows_of]
            if case.get("mask") and t.ndim > 1:
                datasets[f"mask{part}{suffix}"] = ~t[rows_of]
            if pattern is not None:
                datasets[f"pattern{part}"] = pattern[rows_of]
    for path, value in datasets.items():
        group.create_dataset(path, data=value, track_times=False)


if __name__ == "__main__":
    cases = yaml.safe_load((here / "masked.yaml").read_text())
    with h5py.File(sys.argv[2] if len(sys.argv) > 2 else here / "positions_masked.h5", "w", libver="v108") as file:
        for name, case in cases.items():
            make(name, case, file.create_group(name))
        print(len(file), "cases")
