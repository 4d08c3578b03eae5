// What a tile store makes of kills, full disks, flipped bits and files that were cut off.
#include <csignal>
#include <random>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"
#include "support/stored_tiles.hpp"

using namespace infinitile;
namespace fs = std::filesystem;

namespace {

/// Runs `work` in a child; its exit code, or minus the signal that ended it.
template <class Work>
int in_child(Work work) {
  pid_t const child = fork();
  if (child == 0) {
    work();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("any flipped bit and any cut of a tile file is noticed", "[tile_store]") {
  set_log_level(LogLevel::none);
  Scratch const scratch;
  TileLayout const layout = layout_of({12, 3, 8});
  auto const wanted = all_tiles(layout.grid);
  {
    TileStore store(scratch.path(), layout, 0);
    for (TileIndex const t : wanted) put<double>(store, t);
  }
  fs::path const path = scratch / "00000-00000.h5";
  std::string const good = content_of(path);
  auto const noticed = [&] {
    TileStore store(scratch.path(), layout, 0);
    for (TileIndex const t : wanted)
      if (auto const damaged = store.find_damage(t)) store.forget(*damaged);
    return store.missing(wanted) == wanted && !fs::exists(path);
  };
  CHECK(!noticed());
  for (std::size_t at = 0; at < good.size(); at += at < 4096 || at > good.size() - 4096 ? 3 : 97) {
    INFO("byte " << at << " of " << good.size());
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 1 << at % 8);
    write_content(path, changed);
    REQUIRE(noticed());
    write_content(path, good.substr(0, at));
    REQUIRE(noticed());
  }
  write_content(path, good + std::string(1, '\0'));
  CHECK(noticed());
  set_log_level(LogLevel::info);
}

TEST_CASE("damage that is met while reading stops the run, and the tiles are missing then", "[tile_store]") {
  set_log_level(LogLevel::none);
  Scratch const scratch;
  TileLayout const layout = layout_of({12, 0, 8});
  TileStore store(scratch.path(), layout, 0);
  put<double>(store, {0, 0});
  store.flush();
  fs::path const path = scratch / "00000-00000.h5";
  std::string changed = content_of(path);
  changed[store.records()[1].offset + 5] ^= 4;
  write_content(path, changed);
  CHECK(store.get<double>({0, 0}, 0) == tile_values<double>(layout.grid, {0, 0}, 0));
  CHECK(message_of<Stopped>([&] {
          store.get<double>({0, 0}, 1);
        })
        == path.string() + " was damaged while the job ran. Run the same command again: it computes the lost tiles.");
  CHECK(store.present().empty());
  CHECK(!fs::exists(path));
  set_log_level(LogLevel::info);
}

TEST_CASE("killed at any moment, what has its name is whole, and the next run completes the rest", "[tile_store]") {
  Scratch const scratch;
  fs::path const tiles = scratch / "tiles";
  TileLayout const layout = layout_of({320, 64, 16});
  auto const wanted = all_tiles(layout.grid);
  std::mt19937 random(11);
  int killed = 0;
  for (int round = 0; round < 50; ++round) {
    prepare_tile_directory(tiles);
    for (auto const& file : files_in(tiles)) REQUIRE(file.extension() == ".h5");
    pid_t const child = fork();
    if (child == 0) {
      TileStore store(tiles, layout, round % 3, RunLimits{.bytes = 20000, .seconds = 1000});
      for (TileIndex const t : store.missing(wanted)) put<double>(store, t);
      store.flush();
      _exit(0);
    }
    usleep(static_cast<useconds_t>(random() % 6000));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    killed += WIFSIGNALED(status) ? 1 : 0;
    for (auto const& file : files_in(tiles))
      if (auto const name = parse_tile_file_name(file.filename().string())) REQUIRE(read_tile_index(tiles, *name, layout));
    TileStore store(tiles, layout, 0);
    for (TileIndex const t : store.present()) REQUIRE(holds<double>(store, t));
  }
  CHECK(killed >= 10);
  prepare_tile_directory(tiles);
  TileStore store(tiles, layout, 0);
  for (TileIndex const t : store.missing(wanted)) put<double>(store, t);
  store.flush();
  for (TileIndex const t : wanted) CHECK(holds<double>(store, t));
}

TEST_CASE("ranks that write at the same time do not meet", "[tile_store]") {
  Scratch const scratch;
  TileLayout const layout = layout_of({320, 64, 16});
  auto const wanted = all_tiles(layout.grid);
  std::vector<pid_t> children;
  for (int rank = 0; rank < 3; ++rank) {
    children.push_back(fork());
    if (children.back() != 0) continue;
    TileStore store(scratch.path(), layout, rank, std::vector<TileRecord>{}, RunLimits{.bytes = 20000});
    for (std::size_t i = static_cast<std::size_t>(rank); i < wanted.size(); i += 3) put<double>(store, wanted[i]);
    store.flush();
    _exit(0);
  }
  for (pid_t const child : children) waitpid(child, nullptr, 0);
  TileStore store(scratch.path(), layout, 0);
  CHECK(store.missing(wanted).empty());
  for (TileIndex const t : wanted) CHECK(holds<double>(store, t));
}

TEST_CASE("a full disk stops the run with the path, and finished tiles stay", "[tile_store]") {
  Scratch const scratch;
  fs::path const tiles = scratch / "tiles";
  prepare_tile_directory(tiles);
  TileLayout const layout = layout_of({512, 0, 64});  // a tile is 64 KiB with both kernels, twice that off the diagonal
  rlim_t const limit = GENERATE(1 << 12, 1 << 16, 200'000, 300'000);
  int const code = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);  // writing beyond the limit is then EFBIG, which is handled as a full disk
    try {
      TileStore store(tiles, layout, 0, RunLimits{.bytes = 1e9, .seconds = 1000});
      put<double>(store, {0, 0});
      store.flush();
      rlimit const size{limit, limit};
      setrlimit(RLIMIT_FSIZE, &size);
      for (TileIndex const t : layout.grid.tiles_of(Block::train_train))
        if (!store.has(t)) put<double>(store, t);
    } catch (Stopped const& stopped) {
      std::string const words = stopped.what();
      bool const clear =
          words.find("tiles/00000-00001.h5.part") != std::string::npos && words.find("File too large. Make room") != std::string::npos;
      if (!clear) std::fprintf(stderr, "%s\n", stopped.what());
      _exit(clear ? 75 : 1);
    }
  });
  CHECK(code == 75);
  CHECK(files_in(tiles) == std::vector<fs::path>{tiles / "00000-00000.h5"});
  TileStore store(tiles, layout, 0);
  CHECK(store.present() == std::vector<TileIndex>{{0, 0}});
  CHECK(holds<double>(store, {0, 0}));
}
