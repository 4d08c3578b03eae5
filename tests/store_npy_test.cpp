#include <cmath>
#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "base/text.hpp"
#include "store/npy.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

namespace {

std::string const folder = std::string(INFINITILE_TEST_DATA) + "/npy/";

std::string content_of(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string refusal_of(std::filesystem::path const& path) {
  return message_of<Error>([&] { read_npy(path); });
}

}  // namespace

TEST_CASE("every number type of numpy comes as doubles", "[npy]") {
  std::string const type = GENERATE("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8");
  NpyArray const array = read_npy(folder + type + ".npy");
  CHECK(array.shape == std::vector<long>{2, 3});
  CHECK(array.integral == (type[0] != 'f'));
  CHECK(array.values == std::vector<double>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("truth values are 0 and 1, and bytes keep their sign", "[npy]") {
  CHECK(read_npy(folder + "b1.npy").values == std::vector<double>{0, 0, 0, 1, 1, 1});
  CHECK(read_npy(folder + "signs.npy").values == std::vector<double>{-1, 127, -128});
}

TEST_CASE("all three versions of the format are read", "[npy]") {
  std::string const version = GENERATE("1", "2", "3");
  CHECK(read_npy(folder + "version" + version + ".npy").values == std::vector<double>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("an array in Fortran order is turned", "[npy]") {
  CHECK(read_npy(folder + "fortran.npy").values == std::vector<double>{0, 1, 2, 3, 4, 5});
  NpyArray const cube = read_npy(folder + "fortran3.npy");
  CHECK(cube.shape == std::vector<long>{2, 3, 4});
  for (std::size_t i = 0; i < 24; ++i) CHECK(cube.values[i] == static_cast<double>(i));
}

TEST_CASE("half precision has its special values", "[npy]") {
  auto const v = read_npy(folder + "half.npy").values;
  REQUIRE(v.size() == 10);
  CHECK(std::vector<double>(v.begin(), v.begin() + 5) == std::vector<double>{0, 0, 1, -2, 65504});
  CHECK(std::signbit(v[1]));
  CHECK(v[5] == std::ldexp(1, -24));          // the smallest there is
  CHECK(v[6] == 0x555 * std::ldexp(1, -12));  // 1/3 in 11 bits
  CHECK(v[7] == INFINITY);
  CHECK(v[8] == -INFINITY);
  CHECK(std::isnan(v[9]));
}

TEST_CASE("vectors, scalars and empty arrays have their shape", "[npy]") {
  CHECK(read_npy(folder + "vector.npy").shape == std::vector<long>{3});
  CHECK(read_npy(folder + "scalar.npy").shape.empty());
  CHECK(read_npy(folder + "scalar.npy").values == std::vector<double>{7});
  CHECK(read_npy(folder + "empty.npy").shape == std::vector<long>{0, 3});
  CHECK(read_npy(folder + "empty.npy").values.empty());
}

TEST_CASE("what is not a readable .npy file is refused in one line", "[npy]") {
  Scratch const scratch;
  auto const path = scratch / "a.npy";
  std::string const name = path.string();
  CHECK(refusal_of(path) == "there is no file " + name + ". Check the path.");
  std::ofstream(path) << "some words that are no array";
  CHECK(refusal_of(path) == name + " is not a .npy file of version 1 to 3. Save the array with numpy.save.");
  std::string const good = content_of(folder + "f8.npy");
  std::ofstream(path) << good.substr(0, 100);
  CHECK(refusal_of(path) == "the file " + name + " is cut short in its header. Copy or make it again.");
  std::ofstream(path) << good.substr(0, good.size() - 1);
  CHECK(refusal_of(path) == "the file " + name + " is cut short: it has 47 bytes of values, its shape asks for 48. Copy or make it again.");
  CHECK(refusal_of(folder + "big.npy")
        == folder + "big.npy has values of type >f8; needed are little endian floats or integers. Save it with array.astype('<f8').");
  CHECK(refusal_of(folder + "text.npy").find("has values of type <U1; needed are") != std::string::npos);
  CHECK(refusal_of(folder + "record.npy").find("has values of type (a structure); needed are") != std::string::npos);
}

TEST_CASE("a broken header or a shape beyond all bounds is refused, not believed", "[npy]") {
  Scratch const scratch;
  auto const path = scratch / "a.npy";
  std::string const good = content_of(folder + "f8.npy");
  for (std::size_t at = 0; at < 128; ++at)  // must not crash or take memory without end
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = good;
      changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
      std::ofstream(path, std::ios::binary) << changed;
      std::size_t values = 0;
      try {
        values = read_npy(path).values.size();
      } catch (Error const&) {
      }
      CHECK(values <= 48);
    }
  std::string huge = good;
  huge.replace(huge.find("(2, 3), "), 8, "(9999999");
  huge.replace(huge.find("(9999999") + 8, 12, "999999999, )");
  std::ofstream(path, std::ios::binary) << huge;
  CHECK(refusal_of(path).find("is cut short: it has 48 bytes of values, its shape asks for") != std::string::npos);
}
