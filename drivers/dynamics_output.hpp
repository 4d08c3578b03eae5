#pragma once

#include <vector>

#include "job/dynamics.hpp"
#include "store/result_file.hpp"

namespace infinitile {

/// What training leaves in result.h5, below dynamics/.
struct DynamicsResult {
  std::vector<Array> arrays;
  std::vector<Note> notes;
};
DynamicsResult describe_dynamics(Dynamics const& dynamics, Data const& data, std::vector<int> const& orders);

/// One line per step, for people, on stdout.
void print_dynamics(Dynamics const& dynamics, Data const& data, std::vector<int> const& orders);

}  // namespace infinitile
