"""Writes small ONNX files without the onnx package: the format is a protocol buffer, and its published field numbers are all that it takes."""
import struct

FLOAT, INT64, BOOL, DOUBLE = 1, 7, 9, 11
CODES = {"float32": FLOAT, "int64": INT64, "bool": BOOL, "float64": DOUBLE, "float16": 10, "int32": 6}


def varint(number):
    number &= (1 << 64) - 1
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    """One field of a message: whole numbers, floats, text and messages."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name, array, external=None):
    """An array of numpy; external: (file, offset) where its bytes lie; the offset may be any text."""
    out = b"".join(field(1, size) for size in array.shape) + field(2, CODES[str(array.dtype)]) + field(8, name)
    if external is None:
        return out + field(9, array.tobytes())
    entries = {"location": external[0], "offset": str(external[1]), "length": str(array.nbytes)}
    return out + b"".join(field(13, field(1, key) + field(2, value)) for key, value in entries.items()) + field(14, 1)


def attribute(name, value):
    if isinstance(value, float):
        return field(1, name) + field(2, value) + field(20, 1)
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    if isinstance(value, str):
        return field(1, name) + field(4, value) + field(20, 3)
    return field(1, name) + b"".join(field(8, each) for each in value) + field(20, 7)


def node(op, inputs, outputs, name="", domain="", **attributes):
    return (
        b"".join(field(1, each) for each in inputs)
        + b"".join(field(2, each) for each in outputs)
        + field(3, name)
        + field(4, op)
        + b"".join(field(5, attribute(key, value)) for key, value in attributes.items())
        + field(7, domain)
    )


def port(name, shape, code=FLOAT):
    """An input or output; words in the shape are sizes that are free."""
    dims = b"".join(field(1, field(1, size) if isinstance(size, int) else field(2, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, code) + field(2, dims)))


def model(nodes, initializers, inputs, outputs, opset=17, producer="by hand", notes=None):
    graph = (
        b"".join(field(1, each) for each in nodes)
        + field(2, "graph")
        + b"".join(field(5, each) for each in initializers)
        + b"".join(field(11, each) for each in inputs)
        + b"".join(field(12, each) for each in outputs)
        + b"".join(field(16, field(1, key) + field(2, value)) for key, value in (notes or {}).items())
    )
    return field(1, 8) + field(2, producer) + field(7, graph) + field(8, field(1, "") + field(2, opset))
