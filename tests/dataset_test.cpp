#include "store/dataset.hpp"

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "store/hdf5.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

namespace {

double const not_a_number = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();

/// A data file in a directory of its own: x (4, 3) and y (4) labels unless a test writes others.
class DataFile {
public:
  template <class T>
  void write(std::string const& path, std::vector<long> const& extents, std::vector<T> const& values) {
    h5::write_dataset(file(), path, extents, values.data());
  }
  /// Stored as `type`, converted by the library.
  void write_as(std::string const& path, hid_t type, std::vector<long> const& extents, std::vector<double> const& values) {
    h5::Handle const dataset = h5::create_dataset(file(), path, type, extents);
    h5::check(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), "writing");
  }
  void write_good() {
    write<double>("x", {4, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
    write<long>("y", {4}, {2, 0, 1, 2});
  }
  std::string name() {
    file_ = {};  // closed
    return (scratch_ / "data.h5").string();
  }
  std::filesystem::path directory() const { return scratch_.path(); }

private:
  hid_t file() {
    if (file_ < 0) file_ = h5::create_file(scratch_ / "data.h5");
    return file_;
  }
  Scratch scratch_;
  h5::Handle file_;
};

DatasetSpec part(std::string const& file, std::string const& x = "x", std::optional<std::string> const& y = std::nullopt) {
  return {file, {x}, y};
}

Data load(DatasetSpec const& train, std::optional<DatasetSpec> const& test = std::nullopt) {
  return load_data({train, test, {}, Scale::none});
}

std::string refusal_of(DataSpec const& spec) {
  std::string const words = message_of<Error>([&] { load_data(spec); });
  CHECK(words.find('\n') == std::string::npos);
  return words;
}

}  // namespace

TEST_CASE("inputs, labels and where they came from", "[dataset]") {
  DataFile file;
  file.write_good();
  std::string const name = file.name();
  Dataset const d = load(part(name)).train;
  CHECK(d.rows == 4);
  REQUIRE(d.inputs.size() == 1);
  CHECK(d.inputs[0].shape == std::vector<long>{3});
  CHECK(d.inputs[0].features() == 3);
  CHECK(d.inputs[0].values == std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  CHECK(d.inputs[0].source.file == name);
  CHECK(d.inputs[0].source.path == "x");
  CHECK(d.target_source->path == "y");
  CHECK(d.labels == std::vector<long>{2, 0, 1, 2});
  CHECK(d.classes == 3);
  CHECK(d.outputs == 3);
  double const a = 1.0 / 3, b = 1 - a;
  CHECK(d.y == std::vector<double>{-a, -a, b, b, -a, -a, -a, b, -a, -a, -a, b});
}

TEST_CASE("each source gets the hash of its file", "[dataset]") {
  DataFile file;
  file.write_good();
  DataSpec const spec{part(file.name()), part(file.name()), {}, Scale::none};
  FileHashes const hashes = hash_files(spec);
  CHECK(hashes == FileHashes{{file.name(), file_sha256(file.name())}});
  Data data = load_data(spec);
  give_hashes(data, hashes);
  for (Dataset const& d : {data.train, *data.test}) {
    CHECK(d.inputs[0].source.sha256 == file_sha256(file.name()));
    CHECK(d.target_source->sha256 == file_sha256(file.name()));
  }
  CHECK_THROWS_AS(hash_files({{"", {file.name()}, file.name() + ".absent"}, std::nullopt, {}, Scale::none}), Error);
}

TEST_CASE("every number type of HDF5 is read", "[dataset]") {
  DataFile file;
  hid_t const type = GENERATE(as<hid_t>(), 0, 1, 2, 3, 4, 5, 6, 7);
  std::vector<hid_t> const types{H5T_IEEE_F32LE, H5T_IEEE_F64BE, H5T_STD_I8LE,  H5T_STD_U8LE,
                                 H5T_STD_I16BE,  H5T_STD_U32LE,  H5T_STD_I64LE, H5T_STD_U64LE};
  file.write_as("x", types[static_cast<std::size_t>(type)], {2, 2}, {1, 2, 3, 100});
  CHECK(load(part(file.name())).train.inputs[0].values == std::vector<double>{1, 2, 3, 100});
}

TEST_CASE("images keep their shape, data.shape gives another of the same size", "[dataset]") {
  DataFile file;
  file.write<float>("images/x", {2, 2, 2, 1}, {1, 2, 3, 4, 5, 6, 7, 8});
  std::string const name = file.name();
  CHECK(load(part(name, "images/x")).train.inputs[0].shape == std::vector<long>{2, 2, 1});
  CHECK(load(part(name, "/images/x")).train.inputs[0].shape == std::vector<long>{2, 2, 1});
  CHECK(load_data({part(name, "images/x"), std::nullopt, {{4}}, Scale::none}).train.inputs[0].shape == std::vector<long>{4});
  CHECK(refusal_of({part(name, "images/x"), std::nullopt, {{5, 1}}, Scale::none})
        == "data.shape (5, 1) has 5 values, but a sample of images/x of " + name
               + " has shape (2, 2, 1) with 4. Correct data.shape or leave it out.");
}

TEST_CASE("several inputs have the same rows", "[dataset]") {
  DataFile file;
  file.write<double>("a", {2, 1}, {1, 2});
  file.write<double>("b", {2, 2}, {3, 4, 5, 6});
  file.write<double>("c", {3, 1}, {7, 8, 9});
  std::string const name = file.name();
  Data const data = load({name, {"a", "b"}, std::nullopt});
  REQUIRE(data.train.inputs.size() == 2);
  CHECK(data.train.inputs[1].values == std::vector<double>{3, 4, 5, 6});
  CHECK(refusal_of({{name, {"a", "c"}, std::nullopt}, std::nullopt, {}, Scale::none})
        == "c of " + name + " has 3 rows, but a of " + name + " has 2. All inputs need the same rows.");
  CHECK(refusal_of({{name, {"a", "b"}, std::nullopt}, std::nullopt, {{1}}, Scale::none})
        == "data.shape has 1 shapes, but data.train has 2 inputs. One shape per input is needed.");
}

TEST_CASE("real targets have one or more outputs, and may be absent", "[dataset]") {
  DataFile file;
  file.write<double>("x", {3, 1}, {1, 2, 3});
  file.write<double>("one", {3}, {0.5, 1, 2});
  file.write<float>("two", {3, 2}, {1, 2, 3, 4, 5, 6});
  file.write<long>("column", {3, 1}, {0, 1, 1});
  std::string const name = file.name();
  CHECK(load(part(name)).train.outputs == 0);
  CHECK(!load(part(name)).train.target_source);
  Dataset const one = load(part(name, "x", "one")).train;
  CHECK(one.outputs == 1);
  CHECK(one.classes == 0);
  CHECK(one.y == std::vector<double>{0.5, 1, 2});
  CHECK(load(part(name, "x", "two")).train.outputs == 2);
  CHECK(load(part(name, "x", "two")).train.y == std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(load(part(name, "x", "column")).train.labels == std::vector<long>{0, 1, 1});  // as CIFAR stores them
}

TEST_CASE(".npy files are read as well", "[dataset]") {
  std::string const folder = std::string(INFINITILE_TEST_DATA) + "/npy/";
  DataFile file;
  file.write<double>("x", {2, 3}, {9, 9, 9, 9, 9, 9});
  Data const data = load({"", {folder + "f4.npy"}, folder + "u8.npy"}, part(file.name()));
  CHECK(data.train.inputs[0].values == std::vector<double>{0, 1, 2, 3, 4, 5});
  CHECK(data.train.inputs[0].source.name() == folder + "f4.npy");
  CHECK(data.train.y == std::vector<double>{0, 1, 2, 3, 4, 5});  // integers, but of two dimensions: three outputs
  CHECK(data.train.outputs == 3);
  CHECK(refusal_of({{"", {"x"}, std::nullopt}, std::nullopt, {}, Scale::none})
        == "data.train has neither an HDF5 file nor a .npy file. Write {file: data.h5, x: x, y: y} or {x: x.npy, y: y.npy}.");
}

TEST_CASE("a file that is not there, not HDF5 or cut short", "[dataset]") {
  DataFile file;
  file.write_good();
  std::string const name = file.name(), other = (file.directory() / "other.h5").string();
  CHECK(refusal_of({part(other), std::nullopt, {}, Scale::none}) == "there is no file " + other + ". Check the path.");
  std::ofstream(other) << "words, words, words";
  CHECK(refusal_of({part(other), std::nullopt, {}, Scale::none})
        == other + " is not an HDF5 file. An HDF5 file, or .npy files, are needed.");
  std::ifstream whole(name, std::ios::binary);
  std::string const content{std::istreambuf_iterator<char>(whole), {}};
  std::ofstream(other) << content.substr(0, content.size() / 2);
  std::string const words = refusal_of({part(other), std::nullopt, {}, Scale::none});
  CHECK(words.starts_with("the HDF5 file " + other + " is damaged or cut short ("));
  CHECK(words.ends_with("). Copy or make it again."));
  CHECK(refusal_of({part(file.directory().string()), std::nullopt, {}, Scale::none})
        == file.directory().string() + " is not a file. An HDF5 file is needed.");
}

TEST_CASE("a dataset that is not there, with the nearest that is", "[dataset]") {
  DataFile file;
  file.write<double>("train/x", {1, 1}, {1});
  file.write<double>("test/x", {1, 1}, {1});
  std::string const name = file.name();
  CHECK(refusal_of({part(name, "trian/x"), std::nullopt, {}, Scale::none})
        == name + " has no dataset trian/x; it has test/x and train/x. Did you mean \"train/x\"?");
  CHECK(refusal_of({part(name, "train"), std::nullopt, {}, Scale::none})
            .starts_with(name + " has no dataset train; it has test/x and train/x."));
  CHECK(refusal_of({part(name, "train/x", "train/labels"), std::nullopt, {}, Scale::none})
            .starts_with(name + " has no dataset train/labels; it has"));
}

TEST_CASE("shapes that make no data set", "[dataset]") {
  DataFile file;
  file.write<double>("flat", {3}, {1, 2, 3});
  file.write<double>("none", {0, 3}, {});
  file.write<double>("narrow", {3, 0}, {});
  file.write<double>("x", {3, 1}, {1, 2, 3});
  file.write<long>("short", {2}, {0, 1});
  file.write<double>("deep", {3, 1, 1}, {0, 1, 2});
  file.write<double>("wide", {3, 2}, {1, 2, 3, 4, 5, 6});
  std::string const name = file.name();
  auto const refused = [&](std::string const& x, std::optional<std::string> const& y = std::nullopt) {
    return refusal_of({part(name, x, y), std::nullopt, {}, Scale::none});
  };
  CHECK(refused("flat")
        == "flat of " + name + " has shape (3,); inputs need one row per sample: (rows, features) or (rows, height, width, channels); single numbers are (rows, 1).");
  CHECK(refused("none") == "none of " + name + " has shape (0, 3), so no values. At least one row and one feature are needed.");
  CHECK(refused("narrow") == "narrow of " + name + " has shape (3, 0), so no values. At least one row and one feature are needed.");
  CHECK(refused("x", "short") == "short of " + name + " has 2 rows, but x of " + name + " has 3. Each input needs its target.");
  CHECK(refused("x", "deep") == "deep of " + name + " has shape (3, 1, 1); targets need (rows, outputs) floats or (rows,) integer labels.");
  CHECK(refused("x", "narrow") == "narrow of " + name + " has shape (3, 0), so no outputs. At least one is needed.");
  CHECK(refusal_of({part(name), part(name, "wide"), {}, Scale::none})
        == "a sample of wide of " + name + " has shape (2,), but one of x of " + name + " has (1,). Test and train need the same.");
  CHECK(refusal_of({part(name), part(name, "none"), {}, Scale::none}).starts_with("none of " + name + " has shape (0, 3), so no values."));
}

TEST_CASE("NaN and inf are named with row and column", "[dataset]") {
  DataFile file;
  file.write<double>("x", {3, 2, 2}, {1, 2, 3, 4, 5, 6, not_a_number, 8, not_a_number, 10, 11, 12});
  file.write<float>("single", {3, 1}, {1, 2, static_cast<float>(-infinite)});
  file.write<double>("good", {3, 1}, {1, 2, 3});
  std::string const name = file.name();
  CHECK(refusal_of({part(name), std::nullopt, {}, Scale::none})
        == "x of " + name
               + " has NaN at row 1, column 2 (counted from 0). Every value must be finite: repair the data or take the row out.");
  CHECK(refusal_of({part(name, "single"), std::nullopt, {}, Scale::none})
            .starts_with("single of " + name + " has inf at row 2, column 0 (counted from 0)."));
  CHECK(refusal_of({part(name, "good"), part(name, "single"), {}, Scale::none}).starts_with("single of " + name + " has inf at row 2"));
  CHECK(refusal_of({part(name, "good", "single"), std::nullopt, {}, Scale::none}).starts_with("single of " + name + " has inf at row 2"));
}

TEST_CASE("labels count from 0, and test has no class that train has not", "[dataset]") {
  DataFile file;
  file.write<double>("x", {3, 1}, {1, 2, 3});
  file.write<long>("good", {3}, {0, 2, 1});
  file.write<long>("negative", {3}, {0, -1, 1});
  file.write<long>("ids", {3}, {0, 1, 70'000'000});
  file.write<long>("beyond", {3}, {0, 3, 1});
  file.write<long>("zeros", {3}, {0, 0, 0});
  file.write<double>("real", {3}, {0.5, 1, 1});
  file.write<double>("two", {3, 2}, {1, 2, 3, 4, 5, 6});
  std::string const name = file.name();
  auto const refused = [&](std::string const& train, std::optional<std::string> const& test = std::nullopt) {
    return refusal_of({part(name, "x", train), test ? std::optional(part(name, "x", test)) : std::nullopt, {}, Scale::none});
  };
  CHECK(refused("negative") == "the label at row 1 of negative of " + name + " is -1; labels are counted from 0 without gaps.");
  CHECK(refused("ids") == "the label at row 2 of ids of " + name + " is 70000000; labels are counted from 0 without gaps.");
  CHECK(refused("zeros") == "all labels of zeros of " + name + " are 0. At least two classes are needed.");
  CHECK(refused("good", "beyond")
        == "the label at row 1 of beyond of " + name + " is 3, but the labels of train go from 0 to 2. Every class needs rows in train.");
  CHECK(refused("good", "real") == "real of " + name + " holds floats, but good of " + name + " holds integer labels. Both need the same.");
  CHECK(refused("real", "two") == "two of " + name + " has 2 outputs, but real of " + name + " has 1. Both need the same.");
  Data const data = load(part(name, "x", "good"), part(name, "x", "zeros"));
  CHECK(data.test->classes == 3);  // of train
  CHECK(data.test->y[0] == 1 - 1.0 / 3);
  CHECK(!load(part(name), part(name, "x", "good")).test->target_source);  // train has none, so they are of no use
}

TEST_CASE("text is not data", "[dataset]") {
  DataFile file;
  file.write<double>("x", {3, 1}, {1, 2, 3});
  h5::Handle const type(H5Tcopy(H5T_C_S1), H5Tclose);
  std::string const name = file.name();
  {
    h5::Handle const again(H5Fopen(name.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    h5::create_dataset(again, "names", type, {3});
  }
  CHECK(refusal_of({part(name, "x", "names"), std::nullopt, {}, Scale::none})
        == "names of " + name + " does not hold numbers. Floats or integers are needed.");
}

TEST_CASE("data come scaled as the job says", "[dataset]") {
  DataFile file;
  file.write<double>("x", {1, 2}, {0, -5});
  double const root = load_data({part(file.name()), std::nullopt, {}, Scale::unit_sphere}).train.inputs[0].values[1];
  CHECK(root == -std::sqrt(2.0));
}

TEST_CASE("scales by name", "[dataset]") {
  CHECK(parse_scale("none") == Scale::none);
  CHECK(parse_scale("unit_sphere") == Scale::unit_sphere);
  CHECK(parse_scale("standardize") == Scale::standardize);
  CHECK(
      message_of<Error>([] { parse_scale("standardise"); })
      == "data.scale standardise is not known; it is one of none, unit_sphere, standardize or per_location. Did you mean \"standardize\"?");
}

TEST_CASE("masks say which positions are padding, and nothing is read there", "[dataset]") {
  DataFile file;
  file.write<double>("x", {2, 2, 2}, {1, 2, not_a_number, infinite, 0, 3, 4, 5});
  file.write<long>("mask", {2, 2}, {0, -3, 0, 0});
  std::string const name = file.name();
  DatasetSpec spec = part(name);
  spec.mask = {"mask"};
  InputArray const input = load(spec).train.inputs[0];
  CHECK(input.values == std::vector<double>{1, 2, 0, 0, 0, 3, 4, 5});
  CHECK(input.masked == std::vector<unsigned char>{0, 1, 0, 0});
  CHECK(input.mask_source->name() == "mask of " + name);
  CHECK(refusal_of({part(name), std::nullopt, {}, Scale::none}).starts_with("x of " + name + " has NaN at row 0, column 2 "));
  CHECK(hash_files({spec, std::nullopt, {}, Scale::none}).size() == 1);
}

TEST_CASE("a stated value is padding where all channels of a position have it", "[dataset]") {
  DataFile file;
  file.write<double>("x", {2, 2, 2}, {7, 7, 7, 2, 0, 0, 7, 7});
  InputArray const input = load_data({part(file.name()), std::nullopt, {}, Scale::none, 7.0}).train.inputs[0];
  CHECK(input.values == std::vector<double>{0, 0, 7, 2, 0, 0, 0, 0});
  CHECK(input.masked == std::vector<unsigned char>{1, 0, 0, 1});
}

TEST_CASE("masks are truth values in .npy files too, and positions those of data.shape", "[dataset]") {
  std::string const folder = std::string(INFINITILE_TEST_DATA) + "/npy/";
  DataFile file;
  file.write<double>("x", {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  file.write<long>("mask", {2, 2}, {1, 0, 0, 1});
  file.write<long>("flat", {2, 4}, {1, 0, 0, 1, 0, 0, 0, 0});
  std::string const name = file.name();
  DatasetSpec spec = part(name);
  spec.mask = {"mask"};
  CHECK(load_data({spec, std::nullopt, {{2, 2}}, Scale::none}).train.inputs[0].values == std::vector<double>{0, 0, 3, 4, 5, 6, 0, 0});
  spec.mask = {"flat"};
  CHECK(refusal_of({spec, std::nullopt, {{2, 2}}, Scale::none})
        == "data.train.mask, flat of " + name
               + ", has shape (2, 4); (2, 2) is needed: rows and positions, without the channels. A sample of x of " + name
               + " has shape (2, 2); data.shape says where its positions are.");
  CHECK_THAT(refusal_of({{"", {folder + "f8.npy"}, std::nullopt, {folder + "b1.npy"}}, std::nullopt, {}, Scale::none}),
             Catch::Contains("data.train.mask"));
}

TEST_CASE("beside inputs with positions there may be some without", "[dataset]") {
  DataFile file;
  file.write<double>("words", {2, 2, 1}, {1, 2, 3, 9});
  file.write<double>("facts", {2, 2}, {9, 9, 4, 5});
  file.write<long>("of_words", {2, 2}, {0, 0, 0, 1});
  file.write<long>("of_facts", {2}, {0, 0});
  file.write<long>("all_facts", {2}, {0, 1});
  std::string const name = file.name();
  DatasetSpec spec{name, {"words", "facts"}, std::nullopt};
  CHECK(load_data({spec, std::nullopt, {}, Scale::none, 9.0}).train.inputs[1].values == std::vector<double>{9, 9, 4, 5});
  spec.mask = {"of_words", "of_facts"};
  Data const data = load(spec);
  CHECK(data.train.inputs[0].values == std::vector<double>{1, 2, 3, 0});
  CHECK(data.train.inputs[1].values == std::vector<double>{9, 9, 4, 5});
  spec.mask = {"of_words", "all_facts"};
  CHECK_THAT(refusal_of({spec, std::nullopt, {}, Scale::none}), Catch::Contains("data.train.mask leaves nothing of row 1 of facts"));
  CHECK_THAT(refusal_of({part(name, "facts"), std::nullopt, {}, Scale::none, 9.0}), Catch::Contains("channels alone"));
}
