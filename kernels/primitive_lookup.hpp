#pragma once

#include "kernels/primitive.hpp"

namespace infinitile::primitive {

/// y[i] = x1[x0[i]]: rows of a table x1 (entries, width) at indices x0 (count), whole numbers from −entries to entries − 1; a negative one counts
/// from the end. An embedding, where the indices are tokens. There is no derivative in the indices. Bound by memory.
/// Throws Error where an index is none.
struct Lookup {
  static constexpr bool needs_operands = true, needs_result = false;
  int count = 1, entries = 1, width = 1;

  template <class T>
  int entry(T index) const {
    int const place = static_cast<int>(index);
    return place < 0 ? place + entries : place;
  }
};

INFINITILE_DECLARE_PRIMITIVE(Lookup)

}  // namespace infinitile::primitive
