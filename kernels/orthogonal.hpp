#pragma once

#include "kernels/linear_algebra.hpp"

namespace infinitile {

/// a = l q with orthonormal rows of q and a lower triangular l whose diagonal is positive: a becomes q, which is unique where a has full rank.
/// Of independent standard Gaussians q is uniform (Haar): without the sign of the diagonal it is not. Source: Mezzadri 2007, How to generate
/// random matrices from the classical compact groups, section 5.
/// Shape   a [n, m], n ≤ m. Flops 4 m n² − 4/3 n³.
/// Method  Householder reflections of 32 rows at a time, applied to the other rows by gemm. Bits do not depend on the number of threads.
void orthonormalize_rows(Matrix a);

}  // namespace infinitile
