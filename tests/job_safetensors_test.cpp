// Files of the safetensors format, written here byte by byte, and what is said about damaged ones.
#include <cmath>

#include "base/text.hpp"
#include "job/safetensors.hpp"
#include "job/text_file.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

namespace {

/// Eight bytes, little endian.
std::string length_of(std::uint64_t count) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(count >> 8 * i & 255);
  return out;
}

std::string bytes(std::initializer_list<int> values) {
  return {values.begin(), values.end()};
}

class Files {
public:
  std::filesystem::path write(std::string const& content) const {
    auto const path = folder_.path() / "p.safetensors";
    write_text_file(path, content);
    return path;
  }
  std::filesystem::path write(std::string const& header, std::string const& data) const {
    return write(length_of(header.size()) + header + data);
  }
  /// The one line about a file, with NAME in place of its path.
  std::string error(std::string const& header, std::string const& data) const { return error_of(write(header, data)); }
  std::string error_of(std::filesystem::path const& path) const {
    std::string words = message_of([&] { Safetensors const file(path); });
    for (std::size_t found; (found = words.find(path.string())) != std::string::npos;) words.replace(found, path.string().size(), "NAME");
    return words;
  }

private:
  Scratch folder_;
};

std::string entry(std::string const& name, std::string const& type, std::string const& shape, int first, int last) {
  return text('"', name, R"(":{"dtype":")", type, R"(","shape":)", shape, R"(,"data_offsets":[)", first, ",", last, "]}");
}

}  // namespace

/// 1.5 = 1.1b: 3ff8000000000000, 3fc00000, 3e00 and 3fc0; −2⁻²⁴, the smallest half: 8001; −0.15625 = −1.01b 2⁻³ as bfloat16: be20.
TEST_CASE("numbers of all widths are read exactly", "[safetensors]") {
  Files const files;
  std::string const header = text("{", R"("__metadata__":{"format":"pt"},)", entry("a.w", "F64", "[1]", 0, 8), ",",
                                  entry("b", "F32", "[]", 8, 12), ",", entry("half", "F16", "[2,1]", 12, 16), ",",
                                  entry("brain", "BF16", "[2]", 16, 20), ",", entry("empty", "F32", "[0,3]", 20, 20), "}   ");
  Safetensors const file(
      files.write(header, bytes({0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0xc0, 0x3f, 0, 0x3e, 1, 0x80, 0xc0, 0x3f, 0x20, 0xbe})));
  auto const read = [&](char const* name) { return file.read(file.find(name), name); };
  CHECK(file.arrays().size() == 5);
  CHECK(read("a.w") == std::vector<double>{1.5});
  CHECK(read("b") == std::vector<double>{1.5});
  CHECK(read("half") == std::vector<double>{1.5, -std::ldexp(1.0, -24)});
  CHECK(read("brain") == std::vector<double>{1.5, -0.15625});
  CHECK(read("empty").empty());
  CHECK(file.find("half").shape == std::vector<long>{2, 1});
  CHECK(file.find("b").shape.empty());
}

TEST_CASE("files that are cut, or no such files, are told in one line", "[safetensors]") {
  Files const files;
  CHECK(files.error_of(files.write("abc")) == "NAME is no safetensors file: it has 3 bytes, and the length of the header alone takes 8.");
  CHECK(
      files.error_of(files.write("\x89HDF\r\n\x1a\n and more"))
      == "NAME is no safetensors file: its first 8 bytes say that the header has 727905341903489161 bytes; at most 100000000 are allowed.");
  CHECK(files.error_of(files.write(length_of(60) + "{\"w\":"))
        == "NAME is cut short: its header has 60 bytes, and 5 are there. Write or copy the file again.");
  CHECK(files.error("[1, 2]", "") == "NAME is no safetensors file: its header is no JSON object.");
  CHECK(files.error("{\"w\":", "") == "NAME is no safetensors file: its header is no JSON object.");
}

TEST_CASE("headers that describe no arrays are told in one line", "[safetensors]") {
  Files const files;
  CHECK(files.error(R"({"w":3})", "") == "w of NAME has no dtype in the header, such as \"F32\".");
  CHECK(files.error(R"({"w":{"dtype":"F32","shape":[-1]}})", "") == "w of NAME has no shape in the header: a list of whole numbers.");
  CHECK(files.error(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", "")
        == "w of NAME has no data_offsets in the header: the two whole numbers at which its bytes begin and end.");
  CHECK(files.error("{" + entry("w", "F32", "[1]", 0, 4) + "," + entry("w", "F32", "[1]", 0, 4) + "}", "abcd")
        == "NAME: the header has the array w twice.");
}

TEST_CASE("arrays that lie where they cannot lie are told in one line", "[safetensors]") {
  Files const files;
  std::string const eight = "abcdefgh";
  CHECK(files.error("{" + entry("w", "F32", "[3]", 0, 12) + "}", eight)
        == "w of NAME takes the bytes 0 to 12 of the data, and the file has 8 bytes of them. Write or copy the file again.");
  CHECK(files.error("{" + entry("w", "F32", "[1]", 4, 0) + "}", eight)
        == "w of NAME takes the bytes 4 to 0 of the data, and the file has 8 bytes of them. Write or copy the file again.");
  CHECK(files.error("{" + entry("w", "F32", "[1]", 0, 4) + "," + entry("v", "F32", "[1]", 2, 6) + "}", eight)
        == "v of NAME begins at byte 2 of the data, and w ends at 4: they overlap.");
  CHECK(files.error("{" + entry("w", "F32", "[1]", 4, 8) + "}", eight)
        == "w of NAME begins at byte 4 of the data, and the header ends at 0: nothing says what lies between.");
  CHECK(files.error("{" + entry("w", "F32", "[1]", 0, 4) + "}", eight)
        == "NAME has 8 bytes of data, and its header describes 4 of them. Write or copy the file again.");
  CHECK(files.error("{" + entry("w", "F32", "[3]", 0, 8) + "}", eight) == "w of NAME has 8 bytes, and its shape of F32 takes 12.");
  CHECK(files.error("{" + entry("w", "F64", "[4294967296,4294967296]", 0, 8) + "}", eight)
        == "w of NAME has 8 bytes, and its shape of F64 takes more than can be counted.");
}

TEST_CASE("arrays that are not there, or hold other things, are told in one line", "[safetensors]") {
  Files const files;
  auto const path = files.write("{" + entry("0.w", "F32", "[1]", 0, 4) + "," + entry("tokens", "I32", "[1]", 4, 8) + "}", "abcdefgh");
  Safetensors const file(path);
  CHECK(message_of([&] { static_cast<void>(file.find("0.v")); })
        == text(path.string(), " has no array 0.v; it has 0.w and tokens. Did you mean \"0.w\"?"));
  CHECK(message_of([&] { static_cast<void>(file.find("tokens")); })
        == text("tokens of ", path.string(), " has the dtype I32; parameters are F64, F32, F16 or BF16."));
  CHECK(message_of([&] { Safetensors const none(path.parent_path() / "none"); }).find("none: No such file") != std::string::npos);
}
