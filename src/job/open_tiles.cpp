#include "job/open_tiles.hpp"

#include <cstring>
#include <set>

#include "comm/agreed_stop.hpp"

namespace infinitile {

std::vector<TileRecord> find_tiles_once(Communicator const& comm, std::filesystem::path const& directory, TileLayout const& layout) {
  return comm.broadcast(together(comm, [&] { return comm.is_first() ? find_tiles(directory, layout) : std::vector<TileRecord>{}; }), 0);
}

std::unique_ptr<TileStore> open_tiles(Communicator const& comm, std::filesystem::path const& directory, TileLayout const& layout,
                                      std::vector<TileIndex> const& own) {
  together(comm, [&] {
    if (comm.is_first()) prepare_tile_directory(directory);
  });
  auto const open = [&] { return std::make_unique<TileStore>(directory, layout, comm.rank(), find_tiles_once(comm, directory, layout)); };
  auto store = open();
  // Each rank checks what it owns. A damaged file may hold tiles of others, so the first rank removes it when all have looked.
  std::set<Damage> damaged;
  together(comm, [&] {
    for (TileIndex const t : own) {
      stop_if_signalled();
      if (auto const damage = store->find_damage(t)) damaged.insert(*damage);
    }
  });
  std::vector<Damage> const mine(damaged.begin(), damaged.end());
  std::vector<std::byte> const bytes = comm.all_gather(std::as_bytes(std::span(mine)));
  if (bytes.empty()) return store;
  std::vector<Damage> all(bytes.size() / sizeof(Damage));
  std::memcpy(all.data(), bytes.data(), bytes.size());
  if (comm.is_first())
    for (Damage const& damage : std::set(all.begin(), all.end())) store->forget(damage);
  comm.barrier();
  return open();
}

}  // namespace infinitile
