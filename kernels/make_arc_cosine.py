"""Prints the coefficients of kernels/arc_cosine.hpp: Chebyshev fits on [0, 1] in 60-digit arithmetic, and how good they are once rounded.

    python kernels/make_arc_cosine.py      (needs mpmath and numpy)
"""
from numpy import float32
from mpmath import chebyfit, hyp2f1, mp, mpf, polyval, sqrt

mp.dps = 60


def arc(t):
    """angle / sqrt(t), where t = 1 - cos(angle)."""
    return sqrt(2) * hyp2f1(0.5, 0.5, 1.5, t / 2)


def bow(t):
    """(sin(angle) - angle cos(angle)) / t^(3/2): the integral of sqrt(t) arc(t), over t^(3/2)."""
    return 2 * sqrt(2) / 3 * hyp2f1(0.5, 0.5, 2.5, t / 2)


def show(name, f, degree, rounded=float, suffix=''):
    first = rounded(float(f(mpf(0))))  # rounded f(0) itself: at small angles nothing else is left

    def rest(t):
        t = max(t, mpf('1e-20'))
        return (f(t) - f(mpf(0))) / t
    coefficients = [first] + [rounded(float(c)) for c in reversed(chebyfit(rest, [0, 1], degree))]
    grid = [mpf(i) / 500 for i in range(501)]
    worst = max(abs(polyval([mpf(float(c)) for c in reversed(coefficients)], t) / f(t) - 1) for t in grid)
    print(f'{name}, degree {degree}, worst relative error {float(worst):.1e}')
    for start in range(0, degree + 1, 5):
        print('      ' + ', '.join(f'{c}{suffix}' for c in coefficients[start:start + 5]) + ',')


show('arc', arc, 19)
show('bow', bow, 17)
show('arc, float', arc, 8, float32, 'F')
show('bow, float', bow, 7, float32, 'F')
