#pragma once

#include <string>

#include "onnx/model.hpp"
#include "onnx_file.pb.h"

namespace infinitile {

/// The numbers of a tensor, wherever they lie: in typed fields, in raw bytes, in another file. `where` begins messages. Throws Error: a type
/// that is no number, numbers that do not fit the shape.
OnnxArray numbers_of(onnx_file::Tensor const& tensor, OnnxBytes const& bytes, std::string const& where);

/// The kind of a type of the format; nothing for those that are no numbers.
std::optional<NumberKind> kind_of(int data_type);

/// The name of the file that holds a tensor; empty where this one does.
std::string other_file(onnx_file::Tensor const& tensor);

}  // namespace infinitile
