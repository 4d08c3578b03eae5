#include "kernels/blas.hpp"

#include <cblas.h>

namespace infinitile {

std::string blas_description() {
  return openblas_get_config();
}

}  // namespace infinitile
