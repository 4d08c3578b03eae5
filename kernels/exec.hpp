#pragma once

#include <Kokkos_Core.hpp>

namespace infinitile {

/// Where launches run and arrays live: the only names for both.
using Exec = Kokkos::DefaultExecutionSpace;

/// A matrix of one tile, row-major: rows are inputs, columns are inputs.
template <class T>
using Tile = Kokkos::View<T**, Kokkos::LayoutRight, Exec::memory_space>;

/// One value per row.
template <class T>
using Column = Kokkos::View<T*, Exec::memory_space>;

}  // namespace infinitile
