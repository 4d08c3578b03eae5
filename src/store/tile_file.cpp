#include "store/tile_file.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <type_traits>
#include <unistd.h>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "store/file.hpp"

namespace infinitile {

namespace fs = std::filesystem;

std::uint64_t TileLayout::identity() const {
  std::string words = text("tile file 1, job ", fingerprint, ", rows ", grid.train(), " ", grid.test(), ", side ", grid.side(),
                           ", kernels ", join(kernels), ", bytes ", value_size(), ", ", mirrored ? "mirrored" : "lower");
  for (KeptAxis const& axis : kept.axes()) words += text(", ", axis.name, " ", axis.size, " ", axis.twin);
  return checksum(words);
}

std::string TileFileName::text() const {
  return fmt::format("{:05}-{:05}.h5", rank, run);
}

std::optional<TileFileName> parse_tile_file_name(std::string const& name) {
  TileFileName parsed;
  if (std::sscanf(name.c_str(), "%d-%d.h5", &parsed.rank, &parsed.run) != 2 || parsed.rank < 0 || parsed.text() != name)
    return std::nullopt;
  return parsed;
}

std::string tile_path(TileLayout const& layout, int kernel, int row, int col) {
  return fmt::format("{}/{}_{}", layout.kernels[static_cast<std::size_t>(kernel)], row, col);
}

namespace {

/// The last bytes of a tile file.
struct Footer {
  std::array<char, 8> mark{'i', 'n', 'f', 't', 'i', 'l', 'e', 's'};
  std::uint64_t identity = 0;   ///< of the layout
  std::uint64_t body = 0;       ///< bytes of the HDF5 file before the index
  std::uint64_t count = 0;      ///< records between body and footer
  std::uint64_t structure = 0;  ///< checksum of the body without the values
  std::uint64_t index = 0;      ///< checksum of the records and of the numbers above
};
static_assert(std::is_trivially_copyable_v<TileRecord> && sizeof(TileRecord) == 48 && sizeof(Footer) == 48,
              "no padding: both are written as they are");

std::uint64_t index_checksum(Footer footer, std::span<TileRecord const> records) {
  footer.index = 0;
  return checksum(std::as_bytes(records), checksum(std::as_bytes(std::span(&footer, 1))));
}

/// Calls place(row, col) for all of rows x cols, in blocks that stay in the first cache.
template <class Place>
void in_blocks(long rows, long cols, Place const& place) {
  constexpr long block = 32;
  for (long i = 0; i < rows; i += block)
    for (long j = 0; j < cols; j += block)
      for (long col = j; col < std::min(cols, j + block); ++col)
        for (long row = i; row < std::min(rows, i + block); ++row) place(row, col);
}

/// Turns rows x cols pairs into cols x rows, and each pair with them. One number for each: 6 GB/s, which is the memory's speed.
template <class T>
void transpose(T const* from, long rows, long cols, KeptAxes const& kept, T* to) {
  long const count = kept.count();
  if (count == 1) return in_blocks(rows, cols, [=](long row, long col) { to[col * rows + row] = from[row * cols + col]; });
  std::vector<long> const places = kept.exchanged();
  in_blocks(rows, cols, [&](long row, long col) {
    T const* const pair = from + (row * cols + col) * count;
    T* const turned = to + (col * rows + row) * count;
    for (long i = 0; i < count; ++i) turned[i] = pair[places[static_cast<std::size_t>(i)]];
  });
}

std::size_t bytes_in(TileRecord const& record, TileLayout const& layout) {
  return layout.count(record.tile) * layout.value_size();
}

/// The checksum of all that lies between the values.
std::optional<std::uint64_t> structure_checksum(PlainFile const& file, std::uint64_t body, std::span<TileRecord const> records,
                                                TileLayout const& layout) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> values;  // offset, bytes
  for (TileRecord const& record : records) {
    values.emplace_back(record.offset, bytes_in(record, layout));
    if (record.mirror_offset != 0) values.emplace_back(record.mirror_offset, bytes_in(record, layout));
  }
  std::sort(values.begin(), values.end());
  values.emplace_back(body, 0);
  std::uint64_t sum = body, at = 0;
  std::vector<std::byte> gap;
  for (auto const& [offset, size] : values) {
    if (offset < at || offset > body) return std::nullopt;
    gap.resize(offset - at);
    if (!file.read_at(at, gap)) return std::nullopt;
    sum = checksum(gap, sum);
    at = offset + size;
  }
  return sum;
}

struct Index {
  Footer footer;
  std::vector<TileRecord> records;
};

/// The index as it stands in the file, nothing when it is torn.
std::optional<Index> load_index(PlainFile const& file) {
  Index index;
  Footer& footer = index.footer;
  std::uint64_t const size = file.size();
  if (size < sizeof footer || !file.read_at(size - sizeof footer, std::as_writable_bytes(std::span(&footer, 1)))) return std::nullopt;
  bool const fits = footer.count <= size / sizeof(TileRecord) && footer.body + footer.count * sizeof(TileRecord) + sizeof footer == size;
  if (footer.mark != Footer{}.mark || !fits) return std::nullopt;
  index.records.resize(footer.count);
  if (!file.read_at(footer.body, std::as_writable_bytes(std::span(index.records)))) return std::nullopt;
  if (index_checksum(footer, index.records) != footer.index) return std::nullopt;
  return index;
}

}  // namespace

TileFileWriter::TileFileWriter(fs::path const& directory, TileLayout const& layout, TileFileName name)
    : path_(directory / name.text()), layout_(layout), name_(name) {
  try {
    file_ = h5::create_file(unfinished(path_));
  } catch (...) {  // on a full disk there is a file already, of no bytes
    std::error_code none;
    fs::remove(unfinished(path_), none);
    throw;
  }
}

TileFileWriter::~TileFileWriter() {
  if (file_ < 0) return;
  // Emptied before it is closed: on a full disk HDF5 then finds room for what it still writes, and can let go of the file.
  [[maybe_unused]] int const emptied = ::truncate(unfinished(path_).c_str(), 0);
  [[maybe_unused]] bool const closed = file_.release();
  std::error_code none;
  fs::remove(unfinished(path_), none);
}

template <class T>
std::uint64_t TileFileWriter::write(std::string const& path, std::vector<long> const& extents, std::span<T const> values) {
  h5::Handle dataset = h5::write_dataset(file_, path, extents, values.data());
  std::uint64_t const offset = H5Dget_offset(dataset);
  if (!dataset.release()) h5::check(-1, "cannot write " + h5::place_name(file_, path));
  bytes_ += static_cast<double>(values.size_bytes());
  return offset;
}

template <class T>
void TileFileWriter::add(TileIndex tile, int kernel, std::span<T const> values, int samples) {
  long const rows = layout_.grid.height(tile), cols = layout_.grid.width(tile);
  INFINITILE_EXPECT(sizeof(T) == layout_.value_size() && values.size() == layout_.count(tile));
  TileRecord record{.tile = tile, .kernel = kernel, .file = name_, .samples = samples, .checksum = checksum(std::as_bytes(values))};
  record.offset = write(tile_path(layout_, kernel, tile.row, tile.col), layout_.kept.extents(rows, cols), values);
  if (layout_.is_mirrored(tile)) {
    transposed_.resize(values.size_bytes());
    T* const mirror = reinterpret_cast<T*>(transposed_.data());
    transpose(values.data(), rows, cols, layout_.kept, mirror);
    record.mirror_offset =
        write(tile_path(layout_, kernel, tile.col, tile.row), layout_.kept.extents(cols, rows), std::span<T const>(mirror, values.size()));
  }
  records_.push_back(record);
}
template void TileFileWriter::add(TileIndex, int, std::span<double const>, int);
template void TileFileWriter::add(TileIndex, int, std::span<float const>, int);

std::vector<TileRecord> TileFileWriter::finish() {
  fs::path const part = unfinished(path_);
  try {
    if (!file_.release()) h5::check(-1, "cannot write " + part.string());
    PlainFile file(part, PlainFile::Use::append);
    Footer footer{.identity = layout_.identity(), .body = file.size(), .count = records_.size()};
    auto const structure = structure_checksum(file, footer.body, records_, layout_);
    if (!structure) throw Error(text("cannot read back ", part.string(), ", which was just written. Check the disk."));
    footer.structure = *structure;
    footer.index = index_checksum(footer, records_);
    file.append(std::as_bytes(std::span(records_)));
    file.append(std::as_bytes(std::span(&footer, 1)));
    file.close();
    publish(path_);
  } catch (...) {
    std::error_code none;
    fs::remove(part, none);
    throw;
  }
  return records_;
}

bool TileFileWriter::contains(TileIndex tile) const {
  return std::any_of(records_.begin(), records_.end(), [&](TileRecord const& record) { return record.tile == tile; });
}

std::optional<std::vector<TileRecord>> read_tile_index(fs::path const& directory, TileFileName name, TileLayout const& layout) {
  auto index = load_index(PlainFile(directory / name.text(), PlainFile::Use::read));
  if (!index) return std::nullopt;
  if (index->footer.identity != layout.identity())
    throw Error(text((directory / name.text()).string(), " holds tiles of another job: its mark is ", hexadecimal(index->footer.identity),
                     ", this job's is ", hexadecimal(layout.identity()), ". Choose another --output, or remove the directory."));
  for (TileRecord& record : index->records) record.file = name;
  return std::move(index->records);
}

bool structure_holds(fs::path const& directory, TileFileName name, TileLayout const& layout) {
  if (!fs::exists(directory / name.text())) return false;
  PlainFile const file(directory / name.text(), PlainFile::Use::read);
  auto const index = load_index(file);
  return index && structure_checksum(file, index->footer.body, index->records, layout) == index->footer.structure;
}

bool values_hold(fs::path const& directory, TileRecord const& record, TileLayout const& layout) {
  PlainFile const file(directory / record.file.text(), PlainFile::Use::read);
  std::vector<std::byte> values(bytes_in(record, layout));
  if (!file.read_at(record.offset, values) || checksum(values) != record.checksum) return false;
  if (record.mirror_offset == 0) return true;
  std::vector<std::byte> mirror(values.size()), expected(values.size());
  long const rows = layout.grid.height(record.tile), cols = layout.grid.width(record.tile);
  auto const turn = [&]<class Bits>(Bits) {  // as bits: only places change
    transpose(reinterpret_cast<Bits const*>(values.data()), rows, cols, layout.kept, reinterpret_cast<Bits*>(expected.data()));
  };
  if (layout.precision == Precision::float64) turn(std::uint64_t{});
  if (layout.precision == Precision::float32) turn(std::uint32_t{});
  return file.read_at(record.mirror_offset, mirror) && mirror == expected;
}

}  // namespace infinitile
