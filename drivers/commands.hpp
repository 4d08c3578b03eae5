#pragma once

#include "job/frame.hpp"

// What the commands do, one file each. The frame (job/frame.hpp) has read the command line and the job, and catches what they throw.
namespace infinitile {

void fill_kernel_blocks(Job const& job, Context const& context);  ///< kernel.cpp
void predict(Job const& job, Context const& context);             ///< posterior.cpp
void shape_activations(Job const& job, Context const& context);   ///< shape.cpp
void print_plan(Job const& job, Context const& context);          ///< plan.cpp
void inspect_file(Context const& context);                        ///< inspect.cpp
void measure_rates(Context const& context);                       ///< bench.cpp

}  // namespace infinitile
