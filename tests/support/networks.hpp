#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/network.hpp"

// Small networks built without a file.

namespace infinitile {

inline Activation relu() {
  return {"relu", {{"do_stabilize", 0.0}}, {}, {}};
}

inline Dense standard_dense(std::optional<long> out_dim, std::array<long, 2> s = {1, 1}) {
  Dense out;
  out.out_dim = out_dim;
  out.parameterization = Parameterization::standard;
  out.s = s;
  return out;
}

inline Dense wide(long out_dim) {
  Dense out;
  out.out_dim = out_dim;
  return out;
}

/// A chain of operations on one input, lines counted from 1.
inline Network chain(std::vector<Op> const& ops, std::vector<long> const& shape = {5}) {
  NetworkBuilder builder("net.yaml", {shape});
  int last = 0;
  for (std::size_t i = 0; i < ops.size(); ++i) last = builder.add(ops[i], {last}, std::to_string(i), static_cast<int>(i) + 1);
  return std::move(builder).finish(last);
}

/// input -> dense (width), then two branches of it, merged by `merge`.
inline Network merged(Op merge, Op left, Op right, std::vector<long> const& shape = {5}) {
  NetworkBuilder builder("net.yaml", {shape});
  int const stem = builder.add(wide(3), {0}, "0", 1);
  int const a = builder.add(std::move(left), {stem}, "1/0/0", 2);
  int const b = builder.add(std::move(right), {stem}, "1/1/0", 3);
  return std::move(builder).finish(builder.add(std::move(merge), {a, b}, "1", 2));
}

}  // namespace infinitile
