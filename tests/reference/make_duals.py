"""Writes duals.csv: E[f(u)f(v)] and E[f'(u)f'(v)] of activations without closed form, by two-dimensional quadrature in 64-bit mantissas (x86 long double).

    python tests/reference/make_duals.py      (numpy 2; two minutes)

v given u: composite Gauss-Legendre on both axes, panels split where f has a kink and refined where v's conditional mean passes it. Each number is computed
with panels of two sizes; the script stops where these differ by more than 1e-15 of √(E[f(u)²] E[f(v)²]), of the slopes likewise.
Nothing here is shared with the program.
"""
import itertools
from functools import cache
from pathlib import Path

import numpy as np

L = np.longdouble
PI = L('3.14159265358979323846264338327950288')
E = np.exp


def logistic(x):
    e = E(-np.abs(x))
    return np.where(x > 0, 1, e) / (1 + e)


def elu(scale, alpha):
    scale, alpha = L(scale), L(alpha)
    return (lambda x: scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
            lambda x: scale * np.where(x > 0, 1, alpha * E(np.minimum(x, 0))), True)


ACTIVATIONS = {  # f, f', kinked
    'tanh': (np.tanh, lambda x: 1 / np.cosh(x) ** 2, False),
    'sigmoid': (logistic, lambda x: logistic(x) * logistic(-x), False),
    'softplus': (lambda x: np.maximum(x, 0) + np.log1p(E(-np.abs(x))), logistic, False),
    'silu': (lambda x: x * logistic(x), lambda x: logistic(x) * (1 + x * logistic(-x)), False),
    'elu': elu('1', '1'),
    'selu': elu('1.0507009873554804934193349852946', '1.6732632423543772848170429916717'),
    'softsign': (lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2, True),
    'atan': (np.arctan, lambda x: 1 / (1 + x * x), False),
    'asinh': (np.arcsinh, lambda x: 1 / np.sqrt(1 + x * x), False),
    'bent_identity': (lambda x: (np.sqrt(x * x + 1) - 1) / 2 + x, lambda x: x / (2 * np.sqrt(x * x + 1)) + 1, False),
    'relu': (lambda x: np.maximum(x, 0), lambda x: np.where(x > 0, L(1), L(0)), True),
    'gabor': (lambda x: E(-x * x) * np.sin(x), lambda x: E(-x * x) * (np.cos(x) - 2 * x * np.sin(x)), False),
    'sign': (np.sign, lambda x: 0 * x, True),
    'rectified_monomial_3': (lambda x: np.maximum(x, 0) ** 3, lambda x: 3 * np.maximum(x, 0) ** 2, True),
}
PAIRS = [(1, 1, 0.3), (0.7, 1.4, 0.05), (1, 1.000001, 1e-4), (25, 0.5, 0.9), (1e-6, 1, 0.4), (4, 4, 1.9), (25, 25, 0.01), (0, 2, 1), (1.5, 1.5, 2), (2, 1, 0)]
PLAIN = ['tanh', 'sigmoid', 'softplus', 'silu', 'elu', 'selu', 'softsign', 'atan', 'asinh', 'bent_identity']
SHIFTED = ['tanh', 'softplus', 'silu', 'bent_identity', 'elu', 'selu', 'softsign', 'relu', 'gabor', 'sign', 'rectified_monomial_3']
SCALING = (1.25, 0.5, 0.75, -0.25)  # input_scale, input_shift, output_scale, output_shift
SCALED_PAIRS = [(1, 1, 0.3), (0.7, 1.4, 0.05), (4, 0.5, 0.9), (1, 1, 1.7), (1e-4, 1, 0.4), (0, 2, 1)]


@cache
def gauss_legendre(n):
    x, _ = np.polynomial.legendre.leggauss(n)
    x = x.astype(L)
    for _ in range(3):
        before, now = np.ones_like(x), x
        for k in range(2, n + 1):
            before, now = now, ((2 * k - 1) * x * now - (k - 1) * before) / k
        derivative = n * (x * now - before) / (x * x - 1)
        x = x - now / derivative
    return x, 2 / ((1 - x * x) * derivative ** 2)


def rule(centres, size):
    """Nodes and weights of a standard Gaussian: panels of at most `size`, finer towards each (centre, width)."""
    end = L(12)
    edges = {-end, end, *(L(k) * size - end for k in range(int(2 * end / size)))}
    for centre, width in centres:
        if abs(centre) < end:
            edges.add(centre)
            d = L(width)
            while d < 2 * end:
                edges.update(e for e in (centre - d, centre + d) if abs(e) < end)
                d *= 2
    edges = np.array(sorted(edges))
    edges = edges[np.concatenate([[True], np.diff(edges) > 1e-16])]
    x, w = gauss_legendre(20)
    half, middle = np.diff(edges) / 2, (edges[1:] + edges[:-1]) / 2
    z = (middle[:, None] + half[:, None] * x).ravel()
    return z, (half[:, None] * w).ravel() * E(-z * z / 2) / np.sqrt(2 * PI)


def duals(f, df, kink, q1, q2, gap, size):
    """kink: where f has one, in its input."""
    r1, r2, rho, s = np.sqrt(L(q1)), np.sqrt(L(q2)), 1 - L(gap), np.sqrt(L(gap) * (2 - L(gap)))
    centres = [(kink / r1 if r1 else L(99), min(L(1), 1 / (4 * r1 + L(1e-9))))]
    if rho and r2:
        centres.append((kink / (r2 * rho), max(s / abs(rho) / 4, L(1e-12))))
    sums = np.zeros(2, dtype=L)
    for z, w in zip(*rule(centres, size)):
        mean, spread = r2 * rho * z, r2 * s
        if spread > 0:
            y, v = rule([((kink - mean) / spread, min(L(1), 1 / (4 * spread)))], size)
            inner = [(v * g(mean + spread * y)).sum() for g in (f, df)]
        else:
            inner = [g(mean) for g in (f, df)]
        sums += w * np.array([f(r1 * z) * inner[0], df(r1 * z) * inner[1]])
    return sums


def main():
    lines = ['activation,input_scale,input_shift,output_scale,output_shift,q1,q2,gap,value,slope']
    cases = [(n, (1.0, 0.0, 1.0, 0.0), p) for n, p in itertools.product(PLAIN, PAIRS)]
    cases += [(n, SCALING, p) for n, p in itertools.product(SHIFTED, SCALED_PAIRS)]
    for name, scaling, (q1, q2, gap) in cases:
        phi, dphi, _ = ACTIVATIONS[name]
        a, b, c, d = (L(x) for x in scaling)
        f, df = (lambda x: c * (phi(a * x + b) + d)), (lambda x: c * a * dphi(a * x + b))
        coarse, fine = (duals(f, df, -b / a, q1, q2, gap, size) for size in (L(3), L(1.5)))
        own = [duals(f, df, -b / a, q, q, 0, L(1.5)) for q in (q1, q2)]
        scale = np.sqrt(np.abs(own[0] * own[1])) + L(1e-300)
        assert (np.abs(coarse - fine) <= 1e-15 * scale).all(), (name, scaling, q1, q2, gap, coarse, fine)
        lines.append(','.join([name, *(repr(float(x)) for x in (*scaling, q1, q2, gap, *fine))]))
        print(lines[-1], (np.abs(coarse - fine) / scale).astype(float), flush=True)
    Path(__file__).with_name('duals.csv').write_text('\n'.join(lines) + '\n')


main()
