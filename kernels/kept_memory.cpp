#include "kernels/kept_memory.hpp"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "kernels/exec.hpp"

namespace infinitile {

namespace {

struct KeptBlock {
  void* data = nullptr;
  std::size_t bytes = 0;
};

/// New memory, in pages of 2 MiB as far as it has whole ones and the system gives them to who asks: new ones are there in a sixth of the time.
/// Where it gives none nothing changes.
void* new_memory(std::size_t bytes) {
  void* const data = Kokkos::kokkos_malloc<Memory>("infinitile::numbers", bytes);
#if defined(__linux__)
  constexpr std::uintptr_t page = std::uintptr_t{1} << 21;
  auto const begin = reinterpret_cast<std::uintptr_t>(data), first = (begin + page - 1) / page * page, last = (begin + bytes) / page * page;
  if (on_host && first < last) static_cast<void>(madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE));
#endif
  return data;
}

/// Kept blocks, the oldest first.
class Shelf {
public:
  KeptBlock take(std::size_t bytes) {
    std::lock_guard const lock(mutex_);
    KeptBlock const block = find_kept(bytes);
    in_use_ += block.bytes;
    most_ = std::max(most_, in_use_);
    return block;
  }
  void give_back(KeptBlock const& block) {
    std::lock_guard const lock(mutex_);
    in_use_ -= block.bytes;
    kept_.push_back(block);
    in_kept_ += block.bytes;
    if (keepers_ == 0) drop_all();
  }
  void add_keepers(int count) {
    std::lock_guard const lock(mutex_);
    keepers_ += count;
    if (keepers_ == 0) drop_all();
  }

private:
  /// The smallest that is large enough, and not by more than a quarter.
  KeptBlock find_kept(std::size_t bytes) {
    auto best = kept_.end();
    for (auto each = kept_.begin(); each != kept_.end(); ++each)
      if (each->bytes >= bytes && each->bytes <= bytes + bytes / 4 && (best == kept_.end() || each->bytes < best->bytes)) best = each;
    if (best != kept_.end()) return remove(best);
    while (!kept_.empty() && in_use_ + in_kept_ + bytes > most_) Kokkos::kokkos_free<Memory>(remove(kept_.begin()).data);
    return {new_memory(bytes), bytes};
  }
  KeptBlock remove(std::vector<KeptBlock>::iterator place) {
    KeptBlock const block = *place;
    kept_.erase(place);
    in_kept_ -= block.bytes;
    return block;
  }
  void drop_all() {
    while (!kept_.empty()) Kokkos::kokkos_free<Memory>(remove(kept_.begin()).data);
    most_ = in_use_;
  }

  std::mutex mutex_;
  std::vector<KeptBlock> kept_;
  std::size_t in_use_ = 0, in_kept_ = 0, most_ = 0;
  int keepers_ = 0;
};

Shelf& shelf() {
  static Shelf one;
  return one;
}

}  // namespace

std::shared_ptr<void> take_memory(std::size_t bytes) {
  KeptBlock const block = shelf().take(bytes);
  return {block.data, [block](void*) { shelf().give_back(block); }};
}

KeptMemory::KeptMemory() {
  shelf().add_keepers(1);
}
KeptMemory::KeptMemory(KeptMemory const&) : KeptMemory() {}
KeptMemory::~KeptMemory() {
  shelf().add_keepers(-1);
}

}  // namespace infinitile
