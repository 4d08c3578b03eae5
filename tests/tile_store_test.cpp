#include "store/tile_store.hpp"

#include <limits>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"
#include "support/stored_tiles.hpp"

using namespace infinitile;
namespace fs = std::filesystem;

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
  SECTION("numbers of a pair") {
    other.kept = KeptAxes({{"output", 2, 0}});
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

TEST_CASE("of running means those of most samples count, and files without such are removed", "[tile_store]") {
  Scratch const scratch;
  TileLayout const layout{{16, 0, 8}, {"nngp"}, Precision::float64, false, 7};
  TileIndex const a{0, 0}, b{1, 0};
  auto const put_mean = [](TileStore& store, TileIndex tile, int samples) {
    std::vector<double> const values(64, samples);
    std::span<double const> const kernel(values);
    store.put<double>(tile, {&kernel, 1}, samples);
  };
  auto const means = [&](TileStore& store, TileIndex tile) {
    auto const values = store.get<double>(tile, 0);
    CHECK(values == std::vector<double>(64, store.samples(tile)));
    return store.samples(tile);
  };
  {
    TileStore store(scratch.path(), layout, 0);
    CHECK(store.samples(a) == 0);
    for (TileIndex const tile : {a, b}) put_mean(store, tile, 10);
    store.flush();
    put_mean(store, a, 20);
    store.flush();
    CHECK(files_in(scratch.path()) == std::vector{scratch / "00000-00000.h5", scratch / "00000-00001.h5"});
    CHECK((means(store, a) == 20 && means(store, b) == 10));
    put_mean(store, b, 15);
    store.flush();
    CHECK(files_in(scratch.path()) == std::vector{scratch / "00000-00001.h5", scratch / "00000-00002.h5"});
  }
  TileStore store(scratch.path(), layout, 1);
  CHECK((means(store, a) == 20 && means(store, b) == 15));
  put_mean(store, a, 30);
  store.flush();
  CHECK(means(store, a) == 30);
  CHECK(files_in(scratch.path()).size() == 3);  // another rank may still read what it wrote
  CHECK(find_tiles(scratch.path(), layout).size() == 2);
  CHECK(files_in(scratch.path()) == std::vector{scratch / "00000-00002.h5", scratch / "00001-00000.h5"});
}

TEST_CASE("names of tile files", "[tile_store]") {
  CHECK(TileFileName{3, 12}.text() == "00003-00012.h5");
  CHECK(parse_tile_file_name("00003-00012.h5") == TileFileName{3, 12});
  CHECK(parse_tile_file_name("123456-00012.h5") == TileFileName{123456, 12});
  for (char const* const name : {"", "notes.h5", "00003-00012.h5.part", "3-12.h5", "00003-00012.txt", "-0003-00012.h5"})
    CHECK(!parse_tile_file_name(name));
}
