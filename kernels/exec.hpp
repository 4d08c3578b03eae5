#pragma once

#include <cstddef>
#include <type_traits>
#include <vector>

#include <Kokkos_Core.hpp>

namespace infinitile {

/// Where launches run: the only name for it.
using Exec = Kokkos::DefaultExecutionSpace;

/// Whether that is the host itself, which runs strips of pairs as vector code; on a GPU a strip is one pair, and one thread.
inline constexpr bool on_host = std::is_same_v<Exec, Kokkos::DefaultHostExecutionSpace>;

/// Where the arrays of launches live: memory that the host and the launch both reach.
#if defined(KOKKOS_HAS_SHARED_SPACE)
using Memory = Kokkos::SharedSpace;
#elif defined(KOKKOS_ENABLE_CUDA)
using Memory = Kokkos::CudaUVMSpace;
#else
using Memory = Exec::memory_space;
#endif

/// std::vector in that memory, for what a launch reads or writes and the host resizes.
template <class T>
struct MemoryAllocator {
  using value_type = T;
  MemoryAllocator() = default;
  template <class U>
  explicit MemoryAllocator(MemoryAllocator<U> const&) {}
  T* allocate(std::size_t count) { return static_cast<T*>(Kokkos::kokkos_malloc<Memory>("infinitile::array", count * sizeof(T))); }
  void deallocate(T* place, std::size_t) { Kokkos::kokkos_free<Memory>(place); }
  friend bool operator==(MemoryAllocator const&, MemoryAllocator const&) { return true; }
};
template <class T>
using LaunchVector = std::vector<T, MemoryAllocator<T>>;

}  // namespace infinitile
