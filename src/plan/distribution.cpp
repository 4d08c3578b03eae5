#include "plan/distribution.hpp"

#include <cmath>

#include "base/error.hpp"

namespace infinitile {

Distribution::Distribution(int ranks) : rows_(static_cast<int>(std::sqrt(static_cast<double>(ranks)))), cols_(0) {
  INFINITILE_EXPECT(ranks > 0);
  while (ranks % rows_ != 0) --rows_;
  cols_ = ranks / rows_;
}

Distribution::Distribution(int rows, int cols) : rows_(rows), cols_(cols) {
  INFINITILE_EXPECT(rows > 0 && cols > 0);
}

}  // namespace infinitile
