#pragma once

#include <cstddef>
#include <memory>

namespace infinitile {

/// Memory where launches reach it, from a vector's boundary on. As long as a KeptMemory lives, what is given back is kept for whoever asks for
/// as much next: pages that are new have to be cleared and mapped, which takes as long as a pass over them. What is in use and what is kept
/// together are never more than what was in use at once.
std::shared_ptr<void> take_memory(std::size_t bytes);

class KeptMemory {
public:
  KeptMemory();
  KeptMemory(KeptMemory const&);
  KeptMemory& operator=(KeptMemory const&) = default;
  ~KeptMemory();
};

}  // namespace infinitile
