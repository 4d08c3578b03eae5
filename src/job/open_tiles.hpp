#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "comm/communicator.hpp"
#include "store/tile_store.hpp"

namespace infinitile {

/// What lies finished in a directory of tiles: rank 0 looks, all know. Collective.
std::vector<TileRecord> find_tiles_once(Communicator const& comm, std::filesystem::path const& directory, TileLayout const& layout);

/// The store of a directory, which is made where it was missing. Each rank checks its `own` tiles, and files that are damaged are removed:
/// what they held is missing again. Collective. Throws Error where the directory has tiles of another job.
std::unique_ptr<TileStore> open_tiles(Communicator const& comm, std::filesystem::path const& directory, TileLayout const& layout,
                                      std::vector<TileIndex> const& own);

}  // namespace infinitile
