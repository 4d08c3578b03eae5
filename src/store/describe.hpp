#pragma once

#include <filesystem>
#include <string>

namespace infinitile {

/// A result file in words: its provenance, then each dataset with shape and type, and the attributes of groups and datasets. Long values
/// are cut.
std::string describe_result(std::filesystem::path const& file);

}  // namespace infinitile
