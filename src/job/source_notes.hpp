#pragma once

#include <vector>

#include "store/dataset.hpp"
#include "store/result_file.hpp"

namespace infinitile {

/// Where the data of a run came from, for the result: attributes of data/train/x and so on.
std::vector<Note> note_sources(Data const& data);

}  // namespace infinitile
