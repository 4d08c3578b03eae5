#include "kernels/primitive_elementwise.hpp"

#include <array>

#include "base/error.hpp"

namespace infinitile::primitive {

namespace {

/// Entries one after the other, or every step-th; nothing where data is null.
template <class T>
struct Line {
  T* data = nullptr;
  long step = 1;
};

template <class T>
Line<T> line_of(Lines const& lines, T* sample, int line, int width) {
  if (lines.plain()) return {sample + static_cast<long>(line) * width, 1};
  int const first = lines.first[static_cast<std::size_t>(line)];
  return {first < 0 ? nullptr : sample + first, lines.step};
}

/// out (+)= weight value(i) for all entries, given out as a function of i.
template <class T, class Out, class Value>
void put_entries(int width, T weight, Out const& out, Value const& value, Into into) {
#pragma GCC ivdep
  for (long i = 0; i < width; ++i) {
    T const v = weight * value(i);
    out(i) = into == Into::add ? out(i) + v : v;
  }
}

/// out (+)= weight x, or weight x other: as vector code where all steps are 1.
template <class T>
void put(int width, Line<T> out, T weight, Line<T const> x, Line<T const> other, Into into) {
  if (out.data == nullptr) return;
  auto const plain_out = [&](long i) -> T& { return out.data[i]; };
  if (x.data == nullptr) {
    if (into == Into::replace)
      for (int i = 0; i < width; ++i) out.data[i * out.step] = 0;
  } else if (out.step == 1 && x.step == 1 && other.data == nullptr) {
    put_entries(
        width, weight, plain_out, [&](long i) { return x.data[i]; }, into);
  } else if (out.step == 1 && x.step == 1 && other.step == 1) {
    put_entries(
        width, weight, plain_out, [&](long i) { return x.data[i] * other.data[i]; }, into);
  } else {
    for (long i = 0; i < width; ++i) {  // entry by entry: with a step of 0 they are a sum
      T const v = weight * x.data[i * x.step] * (other.data == nullptr ? T(1) : other.data[i * other.step]);
      T& target = out.data[i * out.step];
      target = into == Into::add ? target + v : v;
    }
  }
}

/// What Add, Multiply and Read have in common: results are sums of terms weight x_i, or weight x_i x_j.
template <class T, class P>
class LineWork {
public:
  explicit LineWork(P const& p) : p_(p) {}

  /// y (+)= weight x [other] for every sample of y; x is read as operand i is.
  void carry(int i, T weight, Batch<T const> x, Batch<T const> other, Batch<T> y, Into into) const {
    for_each_sample(y.copies, y.rows, [&](int copy, int row) {
      for (int l = 0; l < p_.lines; ++l)
        put(p_.width, Line<T>{y.at(copy, row) + static_cast<long>(l) * p_.width}, weight, line_of(p_.read[i], x.at(copy, row), l, p_.width),
            other_line(i, other, row, l), into);
    });
  }

  /// target (+)= weight g [other], spread as operand i is read.
  void spread(int i, T weight, Batch<T const> g, Batch<T const> other, Batch<T> target, Into into) const {
    bool const once = p_.read[i].plain() && target.rows == g.rows;
    for_each_sample(target.copies, target.rows, [&](int copy, int target_row) {
      T* const sum = target.at(copy, target_row);
      if (!once && into == Into::replace) std::fill_n(sum, target.size, T(0));
      RowRange const rows = rows_of(target.rows, g.rows, target_row);
      for (int row = rows.first; row < rows.last; ++row)
        for (int l = 0; l < p_.lines; ++l)
          put(p_.width, line_of(p_.read[i], sum, l, p_.width), weight, Line<T const>{g.at(copy, row) + static_cast<long>(l) * p_.width},
              other_line(i, other, row, l), once ? into : Into::add);
    });
  }

private:
  Line<T const> other_line(int i, Batch<T const> other, int row, int line) const {
    if constexpr (requires { p_.read[1]; })
      if (other.data != nullptr)
        return line_of(p_.read[std::size(p_.read) - 1 - static_cast<std::size_t>(i)], other.at(0, row), line, p_.width);
    return {};
  }

  P const& p_;
};

}  // namespace

template <class T>
void forward(Add const& p, std::span<Batch<T const> const> x, Batch<T> y) {
  LineWork<T, Add> const work(p);
  work.carry(0, static_cast<T>(p.left), x[0], {}, y, Into::replace);
  work.carry(1, static_cast<T>(p.right), x[1], {}, y, Into::add);
}
template <class T>
void push(Add const& p, PrimitiveValues<T> const&, int operand, Batch<T const> dx, Batch<T> dy, Into into) {
  LineWork<T, Add>(p).carry(operand, static_cast<T>(operand == 0 ? p.left : p.right), dx, {}, dy, into);
}
template <class T>
void pull(Add const& p, PrimitiveValues<T> const&, int operand, Batch<T const> g, Batch<T> target, Into into) {
  LineWork<T, Add>(p).spread(operand, static_cast<T>(operand == 0 ? p.left : p.right), g, {}, target, into);
}

template <class T>
void forward(Multiply const& p, std::span<Batch<T const> const> x, Batch<T> y) {
  LineWork<T, Multiply>(p).carry(0, static_cast<T>(p.scale), x[0], x[1], y, Into::replace);
}
template <class T>
void push(Multiply const& p, PrimitiveValues<T> const& at, int operand, Batch<T const> dx, Batch<T> dy, Into into) {
  LineWork<T, Multiply>(p).carry(operand, static_cast<T>(p.scale), dx, at.operands[static_cast<std::size_t>(1 - operand)], dy, into);
}
template <class T>
void pull(Multiply const& p, PrimitiveValues<T> const& at, int operand, Batch<T const> g, Batch<T> target, Into into) {
  LineWork<T, Multiply>(p).spread(operand, static_cast<T>(p.scale), g, at.operands[static_cast<std::size_t>(1 - operand)], target, into);
}

template <class T>
void forward(Read const& p, std::span<Batch<T const> const> x, Batch<T> y) {
  LineWork<T, Read>(p).carry(0, static_cast<T>(p.scale), x[0], {}, y, Into::replace);
}
template <class T>
void push(Read const& p, PrimitiveValues<T> const&, int, Batch<T const> dx, Batch<T> dy, Into into) {
  LineWork<T, Read>(p).carry(0, static_cast<T>(p.scale), dx, {}, dy, into);
}
template <class T>
void pull(Read const& p, PrimitiveValues<T> const&, int, Batch<T const> g, Batch<T> target, Into into) {
  LineWork<T, Read>(p).spread(0, static_cast<T>(p.scale), g, {}, target, into);
}

namespace {

constexpr long chunk = 2048;  // entries of one piece

/// work(first, count) for the entries of one copy of a batch.
template <class T, class Work>
void for_chunks(Batch<T> const& x, Work const& work) {
  long const count = x.rows * x.size;
  parallel_for_tiles(static_cast<int>((count + chunk - 1) / chunk),
                     [&](int piece) { work(piece * chunk, static_cast<int>(std::min(chunk, count - piece * chunk))); });
}

/// f of `count` entries, f being scaled_value or scaled_slope.
template <class T, class Function>
void evaluate(AnyActivation const& any, Function const& f, int count, T const* x, T* y) {
  with_activation(any, [&](auto const& phi) {
    if constexpr (requires { phi.value(0.0); })
      for (int i = 0; i < count; ++i) y[i] = static_cast<T>(f(phi, any.scaling, static_cast<double>(x[i])));
  });
}

/// out (+)= f'(x) in: the slopes of a chunk are found once for all copies.
template <class T>
void multiply_slopes(Activate const& p, Batch<T const> x, Batch<T const> in, Batch<T> out, Into into) {
  auto const slope = [](auto const& phi, Scaling const& s, double v) { return scaled_slope(phi, s, v); };
  long const per_copy = in.rows * in.size;
  for_chunks(in, [&](long first, int count) {
    T* const slopes = scratch<T>(static_cast<std::size_t>(2 * count));
    T* const entries = slopes + count;
    for (int i = 0; i < count; ++i) entries[i] = x.data[x.rows == 1 ? (first + i) % x.size : first + i];
    evaluate(p.f, slope, count, entries, slopes);
    for (int copy = 0; copy < in.copies; ++copy)
      put(count, Line<T>{out.data + copy * per_copy + first}, T(1), Line<T const>{in.data + copy * per_copy + first}, Line<T const>{slopes},
          into);
  });
}

}  // namespace

template <class T>
void forward(Activate const& p, std::span<Batch<T const> const> x, Batch<T> y) {
  auto const value = [](auto const& phi, Scaling const& s, double v) { return scaled_value(phi, s, v); };
  for_chunks(y, [&](long first, int count) { evaluate(p.f, value, count, x[0].data + first, y.data + first); });
}
template <class T>
void push(Activate const& p, PrimitiveValues<T> const& at, int, Batch<T const> dx, Batch<T> dy, Into into) {
  multiply_slopes(p, at.operands[0], dx, dy, into);
}
template <class T>
void pull(Activate const& p, PrimitiveValues<T> const& at, int, Batch<T const> g, Batch<T> target, Into into) {
  multiply_slopes(p, at.operands[0], g, target, into);
}

INFINITILE_INSTANTIATE_PRIMITIVE(Add)
INFINITILE_INSTANTIATE_PRIMITIVE(Multiply)
INFINITILE_INSTANTIATE_PRIMITIVE(Read)
INFINITILE_INSTANTIATE_PRIMITIVE(Activate)

}  // namespace infinitile::primitive
