#pragma once

#include <algorithm>
#include <cmath>

// Arithmetic of power series that are cut off at one order K: the functions of a function t -> x(t) from its Taylor coefficients.
// Each is a recurrence for the next coefficient, O(K²) operations, by comparing coefficients of the differential equation of the function.
// Source    Griewank & Walther 2008, Evaluating Derivatives, chapter 13.

namespace infinitile {

/// c[0] + c[1] t + ... + c[order] tᴷ. Coefficients above the order are undefined.
struct Series {
  static constexpr int most_order = 31;
  int order = 0;
  double c[most_order + 1];

  explicit Series(int the_order) : order(the_order) {}  ///< nothing is defined yet
  Series(int the_order, double constant) : order(the_order) {
    std::fill_n(c, order + 1, 0.0);
    c[0] = constant;
  }
  // Copies of what is defined: most series are short, and the whole array would take longer than the arithmetic.
  Series(Series const& other) : order(other.order) { std::copy_n(other.c, order + 1, c); }
  Series& operator=(Series const& other) {
    order = other.order;
    std::copy_n(other.c, order + 1, c);
    return *this;
  }
};

inline Series operator+(Series const& x, double shift) {
  Series out(x);
  out.c[0] += shift;
  return out;
}
inline Series operator*(double scale, Series const& x) {
  Series out(x.order);
  for (int k = 0; k <= x.order; ++k) out.c[k] = scale * x.c[k];
  return out;
}
inline Series operator+(Series const& x, Series const& y) {
  Series out(x.order);
  for (int k = 0; k <= x.order; ++k) out.c[k] = x.c[k] + y.c[k];
  return out;
}
inline Series operator*(Series const& x, Series const& y) {
  Series out(x.order, 0);
  for (int k = 0; k <= x.order; ++k)
    for (int j = 0; j <= k; ++j) out.c[k] += x.c[j] * y.c[k - j];
  return out;
}

namespace series {

/// Coefficient k of the integral of g x': with it y' = g x' goes on from the coefficients below k of g.
inline double integrated(Series const& g, Series const& x, int k) {
  double sum = 0;
  for (int j = 1; j <= k; ++j) sum += j * x.c[j] * g.c[k - j];
  return sum / k;
}

/// y with y' = g x', from its value at t = 0: f(x) where g = f'(x).
inline Series integral(double start, Series const& g, Series const& x) {
  Series y(x.order);
  y.c[0] = start;
  for (int k = 1; k <= x.order; ++k) y.c[k] = integrated(g, x, k);
  return y;
}

inline Series exp(Series const& x) {
  Series y(x.order);
  y.c[0] = std::exp(x.c[0]);
  for (int k = 1; k <= x.order; ++k) y.c[k] = integrated(y, x, k);
  return y;
}

inline Series sin(Series const& x) {
  Series s(x.order), c(x.order);
  s.c[0] = std::sin(x.c[0]);
  c.c[0] = std::cos(x.c[0]);
  for (int k = 1; k <= x.order; ++k) {
    s.c[k] = integrated(c, x, k);
    c.c[k] = -integrated(s, x, k);
  }
  return s;
}

/// 1 / (1 + exp(−x)): s' = s (1 − s) x', where 1 − s is the function of −x, so that neither loses digits.
inline Series logistic(Series const& x) {
  auto const start = [](double v) {
    double const e = std::exp(-std::abs(v));
    return (v > 0 ? 1 : e) / (1 + e);
  };
  Series s(x.order, start(x.c[0])), rest(x.order, start(-x.c[0])), slope(x.order, s.c[0] * rest.c[0]);
  for (int k = 1; k <= x.order; ++k) {
    s.c[k] = integrated(slope, x, k);
    rest.c[k] = -s.c[k];
    for (int j = 0; j <= k; ++j) slope.c[k] += s.c[j] * rest.c[k - j];
  }
  return s;
}

/// x to any power, for x(0) > 0: x y' = power x' y.
inline Series power(Series const& x, double power) {
  Series y(x.order);
  y.c[0] = std::pow(x.c[0], power);
  for (int k = 1; k <= x.order; ++k) {
    double sum = 0;
    for (int j = 1; j <= k; ++j) sum += (power * j - (k - j)) * x.c[j] * y.c[k - j];
    y.c[k] = sum / (k * x.c[0]);
  }
  return y;
}

}  // namespace series

}  // namespace infinitile
