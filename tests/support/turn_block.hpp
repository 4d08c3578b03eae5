#pragma once

#include <vector>

#include "kernels/cuda/plane_block.hpp"

namespace infinitile::plane_kernel {

/// Threads that take turns: each does a phase as a whole before the next one begins it. Nothing may depend on who comes first.
enum class Turns { forward, backward };
template <class R>
class TurnBlock {
public:
  TurnBlock(int threads, Turns turns) : turns_(turns), strips_(static_cast<std::size_t>(threads)) {}
  int threads() const { return static_cast<int>(strips_.size()); }
  template <class F>
  void alone(F f) {
    for (int n = 0; n < threads(); ++n) {
      int const thread = turns_ == Turns::forward ? n : threads() - 1 - n;
      f(thread, strips_[static_cast<std::size_t>(thread)]);
    }
  }
  template <class F>
  void phase(F f) {
    alone(f);
  }

private:
  Turns turns_;
  std::vector<Strip<R>> strips_;
};

}  // namespace infinitile::plane_kernel
