#include "store/tile_store.hpp"

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <random>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;
namespace fs = std::filesystem;

namespace {

/// The value every test puts at a place: tells kernel, row and column, counted over train and test rows.
double value_at(int kernel, long row, long col) {
  return 1 + kernel * 0.25 + static_cast<double>(row) * 1000 + static_cast<double>(col);
}

template <class T>
std::vector<T> tile_values(TileGrid const& grid, TileIndex t, int kernel) {
  std::vector<T> values;
  for (long i = 0; i < grid.height(t); ++i)
    for (long j = 0; j < grid.width(t); ++j)
      values.push_back(static_cast<T>(value_at(kernel, t.row * grid.side() + i, t.col * grid.side() + j)));
  return values;
}

template <class T>
void put(TileStore& store, TileIndex t) {
  std::vector<std::vector<T>> values;
  for (std::size_t k = 0; k < store.layout().kernels.size(); ++k)
    values.push_back(tile_values<T>(store.layout().grid, t, static_cast<int>(k)));
  std::vector<std::span<T const>> const spans(values.begin(), values.end());
  store.put<T>(t, spans);
}

std::vector<TileIndex> all_tiles(TileGrid const& grid) {
  std::vector<TileIndex> all;
  for (Block const block : {Block::train_train, Block::test_train, Block::test_test})
    for (TileIndex const t : grid.tiles_of(block)) all.push_back(t);
  return all;
}

TileLayout layout_of(TileGrid const& grid, Precision precision = Precision::float64) {
  return {grid, {"nngp", "ntk"}, precision, true, 7};
}

template <class T>
bool holds(TileStore& store, TileIndex t) {
  for (std::size_t k = 0; k < store.layout().kernels.size(); ++k)
    if (store.get<T>(t, k) != tile_values<T>(store.layout().grid, t, static_cast<int>(k))) return false;
  return store.verify(t);
}

std::vector<fs::path> files_in(fs::path const& directory) {
  std::vector<fs::path> files;
  for (auto const& entry : fs::directory_iterator(directory)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string content_of(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write(fs::path const& path, std::string const& content) {
  std::ofstream(path, std::ios::binary) << content;
}

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

TEMPLATE_TEST_CASE("tiles come back as they were put, also in the next run", "[tile_store]", double, float) {
  auto const [train, test, side] =
      GENERATE(table<long, long, int>({{1, 0, 4}, {3, 2, 1}, {8, 4, 4}, {23, 7, 4}, {40, 3, 64}, {300, 70, 100}}));
  Scratch const scratch;
  TileLayout const layout = layout_of({train, test, side}, sizeof(TestType) == 8 ? Precision::float64 : Precision::float32);
  auto const wanted = all_tiles(layout.grid);
  {
    TileStore store(scratch.path(), layout, 3);
    CHECK(store.missing(wanted) == wanted);
    for (TileIndex const t : wanted) put<TestType>(store, t);
    CHECK(store.present().empty());  // put is not finished
    CHECK(holds<TestType>(store, wanted.front()));
    store.flush();
    CHECK(store.present().size() == wanted.size());
  }
  CHECK(files_in(scratch.path()) == std::vector<fs::path>{scratch / "00003-00000.h5"});
  TileStore store(scratch.path(), layout, 0);
  CHECK(store.missing(wanted).empty());
  for (TileIndex const t : wanted) CHECK(holds<TestType>(store, t));
}

TEST_CASE("a store of one kernel and lower tiles only", "[tile_store]") {
  Scratch const scratch;
  TileLayout const layout{{9, 0, 4}, {"ntk"}, Precision::float64, false, 7};
  {
    TileStore store(scratch.path(), layout, 0);
    for (TileIndex const t : all_tiles(layout.grid)) put<double>(store, t);
    store.flush();
    for (TileRecord const& record : store.records()) CHECK(record.mirror_offset == 0);
  }
  TileStore store(scratch.path(), layout, 0);
  for (TileIndex const t : all_tiles(layout.grid)) CHECK(holds<double>(store, t));
}

TEST_CASE("a run is closed when it is large, and a file holds many tiles", "[tile_store]") {
  Scratch const scratch;
  TileLayout const layout = layout_of({64, 0, 8});  // 36 tiles of 512 bytes, 2 kernels, 28 of them twice: 64 KiB
  {
    TileStore store(scratch.path(), layout, 0, RunLimits{.bytes = 16384, .seconds = 1000});
    for (TileIndex const t : all_tiles(layout.grid)) put<double>(store, t);
  }
  CHECK(files_in(scratch.path()).size() == 4);
  CHECK(TileStore(scratch.path(), layout, 0).present().size() == 36);
}

TEST_CASE("a run is closed when it is old", "[tile_store]") {
  Scratch const scratch;
  TileLayout const layout = layout_of({16, 0, 8});
  TileStore store(scratch.path(), layout, 0, RunLimits{.seconds = 0});
  put<double>(store, {0, 0});
  CHECK(store.present() == std::vector<TileIndex>{{0, 0}});
}

TEST_CASE("no run writes over the files of an earlier one", "[tile_store]") {
  Scratch const scratch;
  TileLayout const layout = layout_of({16, 0, 8});
  for (TileIndex const t : all_tiles(layout.grid)) {
    TileStore store(scratch.path(), layout, 0);
    put<double>(store, t);
  }
  CHECK(files_in(scratch.path()).size() == 3);
  CHECK(TileStore(scratch.path(), layout, 1).present().size() == 3);
}

TEST_CASE("the list that one rank found serves another", "[tile_store]") {
  Scratch const scratch;
  TileLayout const layout = layout_of({16, 0, 8});
  {
    TileStore store(scratch.path(), layout, 0);
    put<double>(store, {1, 0});
  }
  TileStore other(scratch.path(), layout, 1, find_tiles(scratch.path(), layout));
  CHECK(holds<double>(other, {1, 0}));
  other.learn({});
  CHECK(other.present().empty());
}

TEST_CASE("files of another job are refused, whatever differs", "[tile_store]") {
  Scratch const scratch;
  TileLayout const layout = layout_of({16, 4, 8});
  {
    TileStore store(scratch.path(), layout, 0);
    put<double>(store, {0, 0});
  }
  TileLayout other = layout;
  SECTION("fingerprint") {
    other.fingerprint = 8;
  }
  SECTION("train rows") {
    other.grid = {17, 4, 8};
  }
  SECTION("test rows") {
    other.grid = {16, 5, 8};
  }
  SECTION("side") {
    other.grid = {16, 4, 4};
  }
  SECTION("kernels") {
    other.kernels = {"ntk", "nngp"};
  }
  SECTION("precision") {
    other.precision = Precision::float32;
  }
  SECTION("mirror") {
    other.mirrored = false;
  }
  std::string const words = message_of<Error>([&] { TileStore(scratch.path(), other, 0); });
  CHECK(words.starts_with((scratch / "00000-00000.h5").string() + " holds tiles of another job: its mark is "));
  CHECK(words.ends_with(". Choose another --output, or remove the directory."));
  CHECK(fs::exists(scratch / "00000-00000.h5"));
}

TEST_CASE("a value that is not finite never reaches the disk", "[tile_store]") {
  Scratch const scratch;
  TileLayout const layout = layout_of({16, 4, 8});
  TileStore store(scratch.path(), layout, 0);
  std::vector<double> const good(64, 1);
  std::vector<double> bad(32, 1);
  double const value =
      GENERATE(std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity());
  bad[19] = value;  // of 4 x 8: row 2, column 3
  std::vector<std::span<double const>> const spans{std::span(good).first(32), bad};
  CHECK(message_of<NumericalAnswer>([&] {
          store.put<double>({2, 1}, spans);
        })
        == "ntk of test row 2 and train row 11 is not finite. Scale the inputs (data.scale) or the weights (w_std) down.");
  store.flush();
  CHECK(store.present().empty());
}

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
    for (TileIndex const t : wanted) static_cast<void>(store.verify(t));
    return store.missing(wanted) == wanted && !fs::exists(path);
  };
  CHECK(!noticed());
  for (std::size_t at = 0; at < good.size(); at += at < 4096 || at > good.size() - 4096 ? 3 : 97) {
    INFO("byte " << at << " of " << good.size());
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 1 << at % 8);
    write(path, changed);
    REQUIRE(noticed());
    write(path, good.substr(0, at));
    REQUIRE(noticed());
  }
  write(path, good + std::string(1, '\0'));
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
  write(path, changed);
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

TEST_CASE("names of tile files", "[tile_store]") {
  CHECK(TileFileName{3, 12}.text() == "00003-00012.h5");
  CHECK(parse_tile_file_name("00003-00012.h5") == TileFileName{3, 12});
  CHECK(parse_tile_file_name("123456-00012.h5") == TileFileName{123456, 12});
  for (char const* const name : {"", "notes.h5", "00003-00012.h5.part", "3-12.h5", "00003-00012.txt", "-0003-00012.h5"})
    CHECK(!parse_tile_file_name(name));
}
