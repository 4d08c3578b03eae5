#!/usr/bin/env python3
"""Writes digits.h5, the UCI handwritten digits, split into 1,437 images to train on and 360 to test on, and digits_600.h5, the same with 600
images to train on and the other 1,197 to test on.

    python3 -m venv venv && venv/bin/pip install scikit-learn==1.6.1 h5py==3.13.0 numpy==2.2.6
    venv/bin/python data/make_digits.py data/digits.h5 data/digits_600.h5

Split: each class gives its share of the 360 test images (largest remainders, ties to the smaller digit). Every image draws one raw 64-bit
word of PCG64(SEED), in the order of the source; of each class the images with the smallest words are the test images. Raw words of
PCG64 are the same in every version of numpy. The 600 are chosen likewise among the 1,437. All parts keep the order of the source. The bytes
of the files depend on nothing else.
"""
import hashlib
import sys

import h5py
import numpy
from sklearn.datasets import load_digits

SEED = 0
TEST = 360
FEW = 600

ORIGIN = (
    "Optical Recognition of Handwritten Digits, test part: E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, "
    "doi:10.24432/C50P49; as shipped in scikit-learn (sklearn.datasets.load_digits)"
)
LICENCE = "data: CC BY 4.0 (UCI Machine Learning Repository); scikit-learn: BSD-3-Clause"


def share_of_classes(labels, count):
    """How many images of each class to take: proportional, and exactly `count` in all."""
    classes = numpy.bincount(labels)
    share = count * classes / classes.sum()
    whole = numpy.floor(share).astype(int)
    rest = count - whole.sum()
    whole[numpy.argsort(whole - share, kind="stable")[:rest]] += 1
    return whole


def choose(labels, count, among):
    """`count` of the rows `among`, ascending."""
    words = numpy.random.PCG64(SEED).random_raw(len(labels))
    chosen = []
    for digit, share in enumerate(share_of_classes(labels[among], count)):
        members = among[labels[among] == digit]
        chosen.extend(members[numpy.argsort(words[members], kind="stable")[:share]])
    return numpy.sort(chosen)


def write_part(file, name, images, labels, rows):
    group = file.create_group(name)
    group.attrs["description"] = f"images to {name} on" if name == "train" else "images to test on, never seen in training"
    x = group.create_dataset("x", data=images[rows])
    x.attrs["description"] = "8 x 8 pixels, one channel: how many of the 16 fine pixels of a 4 x 4 block are ink"
    x.attrs["units"] = "1, from 0 to 16"
    y = group.create_dataset("y", data=labels[rows])
    y.attrs["description"] = "the digit, 0 to 9"
    source = group.create_dataset("source_row", data=rows)
    source.attrs["description"] = "row of the image in the source"


def open_file(path, description, images):
    file = h5py.File(path, "w")
    file.attrs["description"] = description
    file.attrs["origin"] = ORIGIN
    file.attrs["licence"] = LICENCE
    file.attrs["split"] = f"PCG64 seed {SEED}, by data/make_digits.py"
    file.attrs["pixels_sha256"] = hashlib.sha256(images.tobytes()).hexdigest()
    return file


def main(path, path_of_few):
    digits = load_digits()
    images = digits.images.astype(numpy.uint8)[..., numpy.newaxis]
    labels = digits.target.astype(numpy.int64)
    assert images.shape == (1797, 8, 8, 1) and (images[..., 0] == digits.images).all()
    everything = numpy.arange(len(labels))
    test = choose(labels, TEST, everything)
    train = numpy.setdiff1d(everything, test)
    with open_file(path, "UCI handwritten digits, split by class into train and test", images) as file:
        write_part(file, "train", images, labels, train)
        write_part(file, "test", images, labels, test)
    few = choose(labels, FEW, train)
    with open_file(path_of_few, "UCI handwritten digits, split by class into few to train on and many to test on", images) as file:
        write_part(file, "train", images, labels, few)
        write_part(file, "test", images, labels, numpy.setdiff1d(everything, few))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
