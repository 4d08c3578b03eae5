"""Small .npy files as numpy writes them, for tests/store_npy_test.cpp. Run in this folder; made with numpy 2.4.6.

The files of a type and of a version hold 0 ... 5 of shape (2, 3); the others what stands here.
"""
import numpy
from numpy.lib import format

values = numpy.arange(6).reshape(2, 3)
for name in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"):
    numpy.save(f"{name}.npy", values.astype("<" + name))
numpy.save("b1.npy", values > 2)
numpy.save("fortran.npy", numpy.asfortranarray(values.astype("<f8")))
numpy.save("fortran3.npy", numpy.asfortranarray(numpy.arange(24.0).reshape(2, 3, 4)))
numpy.save("vector.npy", numpy.arange(3.0))
numpy.save("scalar.npy", numpy.float64(7))
numpy.save("empty.npy", numpy.zeros((0, 3)))
numpy.save("half.npy", numpy.array([0, -0.0, 1, -2, 65504, 6e-8, 1 / 3, numpy.inf, -numpy.inf, numpy.nan], "<f2"))
numpy.save("signs.npy", numpy.array([-1, 127, -128], "<i1"))
numpy.save("big.npy", values.astype(">f8"))
numpy.save("text.npy", numpy.array(["a", "b"]))
numpy.save("record.npy", numpy.zeros(2, [("a", "<f8"), ("b", "<i4")]))
for version in ((1, 0), (2, 0), (3, 0)):
    with open(f"version{version[0]}.npy", "wb") as file:
        format.write_array(file, values.astype("<f8"), version=version)
