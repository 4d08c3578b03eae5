#pragma once

#include <string>
#include <vector>

#include "job/job.hpp"
#include "shaping/shape_network.hpp"
#include "store/result_file.hpp"

namespace infinitile {

/// The network of a job, shaped, in memory.
struct Shaping {
  ShapedNetwork network;
  std::string words;                       ///< of shaped.yaml
  std::vector<Array> arrays;               ///< maps before and after, below shape/
  std::vector<Note> notes;                 ///< goals, solutions and residuals
  double half_before = 0, half_after = 0;  ///< the correlation of the outputs for inputs of correlation 1/2
};

/// Throws Error with file, line and layer or key.
Shaping shape_job(Job const& job);

}  // namespace infinitile
