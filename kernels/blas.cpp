#include "kernels/blas.hpp"

#include <cblas.h>

namespace infinitile {

std::string blas_description() {
  std::string words = openblas_get_config();
  words += std::string(", ") + openblas_get_corename();
  return words;
}

}  // namespace infinitile
