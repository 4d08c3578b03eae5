#pragma once

#include "comm/communicator.hpp"
#include "job/finite_reading.hpp"
#include "job/job.hpp"
#include "onnx/import.hpp"
#include "store/dataset.hpp"

namespace infinitile {

/// One line about parameters that may be constants, and what to do; empty where there are none.
std::string doubts_about(OnnxNetwork const& network);

/// The network of a job's ONNX file for samples of these shapes.
struct OpenedOnnx {
  OnnxNetwork network;
  std::uint64_t hash = 0;                     ///< what stands for it in a fingerprint
  std::vector<std::filesystem::path> others;  ///< files beside it that hold its larger tensors
};
/// Rank 0 reads the file and sends it to all. Collective.
OpenedOnnx open_onnx(Job const& job, std::vector<std::vector<long>> const& shapes, Communicator const& comm);

/// The same as the job wants it, with its own parameters or those of parameters.file. Collective. Throws Error also where the data do not
/// fit: numbers that are no integers, tokens that a table does not have.
FiniteReading read_onnx_job(Job const& job, Data const& data, Communicator const& comm);

}  // namespace infinitile
