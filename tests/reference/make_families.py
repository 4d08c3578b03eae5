"""Writes families.h5: kernels of ready-made networks as their publications define them in Neural Tangents.     python make_families.py FILE

Python 3.11 with neural-tangents==0.6.5 jax==0.4.30 jaxlib==0.4.30 numpy==1.26.4 scipy==1.13.1 h5py.
"""
import functools
import sys

import h5py
import jax
import numpy

jax.config.update("jax_enable_x64", True)
from neural_tangents import stax  # noqa: E402

ORIGIN = "neural-tangents 0.6.5, jax 0.4.30, float64; "


def myrtle(depth):
    """Shankar et al. 2020 as in Neural Tangents' notebook myrtle_kernel_with_neural_tangents: three pools, then flatten."""
    conv = functools.partial(stax.Conv, out_chan=1, filter_shape=(3, 3), W_std=numpy.sqrt(2.0), b_std=0.0, padding="SAME")
    pool = stax.AvgPool((2, 2), strides=(2, 2))
    first, second, third = {5: (2, 1, 1), 7: (2, 2, 2), 10: (3, 3, 3)}[depth]
    layers = [conv(), stax.Relu()] * first + [pool] + [conv(), stax.Relu()] * second + [pool] + [conv(), stax.Relu()] * third + [pool] * 3
    return stax.serial(*layers, stax.Flatten(), stax.Dense(10, numpy.sqrt(2.0), 0.0))


def wide_resnet(block_size, k):
    """Neural Tangents' README, Infinitely WideResnet: a pool of 8 x 8, then flatten."""
    conv = functools.partial(stax.Conv, filter_shape=(3, 3), padding="SAME")

    def block(channels, strides=(1, 1), shortcut=stax.Identity()):
        main = stax.serial(stax.Relu(), conv(channels, strides=strides), stax.Relu(), conv(channels))
        return stax.serial(stax.FanOut(2), stax.parallel(main, shortcut), stax.FanInSum())

    def group(channels, strides=(1, 1)):
        first = block(channels, strides, conv(channels, strides=strides))
        return stax.serial(first, *[block(channels) for _ in range(block_size - 1)])

    groups = [group(16 * k), group(32 * k, (2, 2)), group(64 * k, (2, 2))]
    return stax.serial(conv(16), *groups, stax.AvgPool((8, 8)), stax.Flatten(), stax.Dense(10, 1.0, 0.0))


CASES = {
    "myrtle_5": ("{family: myrtle, depth: 5}", myrtle(5), "the networks of its notebook on Myrtle kernels"),
    "myrtle_10": ("{family: myrtle, depth: 10}", myrtle(10), "the networks of its notebook on Myrtle kernels"),
    "wide_resnet_16": ("{family: wide_resnet, block_size: 2, k: 2}", wide_resnet(2, 2), "the network of its README, Infinitely WideResnet"),
}


def main(path):
    random = numpy.random.Generator(numpy.random.PCG64(0))
    x1, x2 = (numpy.round(16 * random.normal(size=(n, 32, 32, 3))) / 16 for n in (2, 1))  # few bits, so that they compress
    with h5py.File(path, "w", libver=("v108", "v110")) as file:
        for name, (network, layers, source) in CASES.items():
            case = file.create_group(name)
            case.attrs["network"], case.attrs["origin"] = network, ORIGIN + source
            for key, x in (("x1", x1), ("x2", x2)):
                case.create_dataset(key, data=x.astype(numpy.float32), compression="gzip", shuffle=True, track_times=False)
            for block, pair in (("train_train", (x1, None)), ("test_train", (x2, x1)), ("test_test", (x2, None))):
                kernels = layers[2](*pair, get=("nngp", "ntk"))
                for kind in ("nngp", "ntk"):
                    values = numpy.asarray(getattr(kernels, kind))
                    values = values.diagonal() if block == "test_test" else values
                    case.create_dataset(f"{block}/{kind}", data=values, track_times=False)
                print(name, block, kernels.ntk[0], flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
