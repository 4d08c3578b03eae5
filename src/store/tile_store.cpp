#include "store/tile_store.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <type_traits>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "store/file.hpp"

namespace infinitile {

namespace fs = std::filesystem;

namespace {

/// All files in the directory that bear the name of a tile file, in order.
std::vector<TileFileName> tile_files(fs::path const& directory) {
  std::vector<TileFileName> names;
  std::error_code failure;
  for (auto const& entry : fs::directory_iterator(directory, failure))
    if (auto const name = parse_tile_file_name(entry.path().filename().string())) names.push_back(*name);
  if (failure && failure != std::errc::no_such_file_or_directory)
    throw Error(text("cannot list ", directory.string(), ": ", failure.message(), ". Check its permissions."));
  std::sort(names.begin(), names.end());
  return names;
}

/// The place of the first value that is NaN or infinite: all bits of its exponent are set. Without branches, so that the loop becomes
/// vector code.
template <class T>
std::optional<std::size_t> find_not_finite(std::span<T const> values) {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  constexpr Bits exponent = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  auto const is_bad = [](T value) { return (std::bit_cast<Bits>(value) & exponent) == exponent; };
  Bits any = 0;
  for (T const value : values) any |= static_cast<Bits>(is_bad(value));
  if (any == 0) return std::nullopt;
  return std::find_if(values.begin(), values.end(), is_bad) - values.begin();
}

}  // namespace

void prepare_tile_directory(fs::path const& directory) {
  make_output_directory(directory);
  for (auto const& entry : fs::directory_iterator(directory))
    if (entry.path().extension() == ".part") fs::remove(entry.path());
}

namespace {

/// Removes the files that have nothing but means for which there are others of more samples.
std::vector<TileRecord> without_outdated(fs::path const& directory, std::vector<TileRecord> found) {
  std::map<TileIndex, int> most;
  for (TileRecord const& record : found) most[record.tile] = std::max(most[record.tile], record.samples);
  std::set<TileFileName> files, counting;
  for (TileRecord const& record : found) {
    files.insert(record.file);
    if (record.samples == most[record.tile]) counting.insert(record.file);
  }
  std::error_code none;
  for (TileFileName const& name : files)
    if (!counting.contains(name)) fs::remove(directory / name.text(), none);
  std::erase_if(found, [&](TileRecord const& record) { return !counting.contains(record.file); });
  return found;
}

}  // namespace

std::vector<TileRecord> find_tiles(fs::path const& directory, TileLayout const& layout) {
  std::vector<TileRecord> found;
  for (TileFileName const name : tile_files(directory)) {
    if (auto const records = read_tile_index(directory, name, layout)) {
      found.insert(found.end(), records->begin(), records->end());
      continue;
    }
    log_warning(text((directory / name.text()).string(), " is damaged or cut short: removed, its tiles are computed again"));
    fs::remove(directory / name.text());
  }
  return without_outdated(directory, std::move(found));
}

RunLimits run_limits() {
  RunLimits limits;
  if (char const* seconds = std::getenv("INFINITILE_RUN_SECONDS")) limits.seconds = std::strtod(seconds, nullptr);
  return limits;
}

TileStore::TileStore(fs::path directory, TileLayout layout, int rank, RunLimits limits)
    : TileStore(directory, layout, rank, find_tiles(directory, layout), limits) {}

TileStore::TileStore(fs::path directory, TileLayout layout, int rank, std::vector<TileRecord> const& found, RunLimits limits)
    : directory_(std::move(directory)), layout_(std::move(layout)), rank_(rank), limits_(limits) {
  learn(found);
}

TileStore::~TileStore() {
  try {
    flush();
  } catch (std::exception const& problem) {
    log_error(problem.what());
  }
}

void TileStore::learn(std::vector<TileRecord> const& found) {
  records_.clear();
  for (TileRecord const& record : found) remember(record);
}

/// The one of most samples counts.
void TileStore::remember(TileRecord const& record) {
  auto const [known, is_new] = records_.try_emplace({record.tile, record.kernel}, record);
  if (!is_new && record.samples >= known->second.samples) known->second = record;
}

int TileStore::samples(TileIndex tile) const {
  auto const known = records_.find({tile, 0});
  return known == records_.end() ? 0 : known->second.samples;
}

std::vector<TileIndex> TileStore::present() const {
  std::vector<TileIndex> tiles;
  for (auto const& [key, record] : records_)
    if (key.second == 0) tiles.push_back(key.first);
  return tiles;
}

std::vector<TileIndex> TileStore::missing(std::span<TileIndex const> wanted) const {
  std::vector<TileIndex> tiles;
  std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(tiles), [&](TileIndex tile) { return !has(tile); });
  return tiles;
}

std::vector<TileRecord> TileStore::records() const {
  std::vector<TileRecord> all;
  for (auto const& [key, record] : records_) all.push_back(record);
  return all;
}

template <class T>
void TileStore::put(TileIndex tile, std::span<std::span<T const> const> kernels, int samples) {
  INFINITILE_EXPECT(kernels.size() == layout_.kernels.size());
  for (std::size_t k = 0; k < kernels.size(); ++k)
    if (auto const at = find_not_finite(kernels[k])) {
      auto const width = static_cast<std::size_t>(layout_.grid.width(tile)), pair = *at / static_cast<std::size_t>(layout_.kept.count());
      Range const rows = layout_.grid.range(tile.row), cols = layout_.grid.range(tile.col);
      throw NumericalAnswer(text(layout_.kernels[k], " of ", layout_.grid.is_test(tile.row) ? "test" : "train", " row ",
                                 rows.first + static_cast<long>(pair / width), " and ", layout_.grid.is_test(tile.col) ? "test" : "train",
                                 " row ", cols.first + static_cast<long>(pair % width),
                                 " is not finite. Scale the inputs (data.scale) or the weights (w_std) down."));
    }
  if (!run_) {
    TileFileName name{rank_, 0};
    while (fs::exists(directory_ / name.text())) ++name.run;
    run_ = std::make_unique<TileFileWriter>(directory_, layout_, name);
  }
  try {
    for (std::size_t k = 0; k < kernels.size(); ++k) run_->add(tile, static_cast<int>(k), kernels[k], samples);
  } catch (...) {
    run_.reset();
    throw;
  }
  if (run_->bytes() >= limits_.bytes || run_->seconds() >= limits_.seconds) flush();
}
template void TileStore::put(TileIndex, std::span<std::span<double const> const>, int);
template void TileStore::put(TileIndex, std::span<std::span<float const> const>, int);

void TileStore::flush() {
  if (!run_) return;
  auto const run = std::move(run_);
  for (TileRecord const& record : run->finish()) {
    remember(record);
    if (record.samples > 0) own_means_.insert(record.file);
  }
  bytes_written_ += run->bytes();
  remove_outdated();
}

/// Files of other ranks may have tiles that still count there; the next run finds out (find_tiles).
void TileStore::remove_outdated() {
  if (own_means_.empty()) return;
  std::set<TileFileName> counting;
  for (auto const& [key, record] : records_) counting.insert(record.file);
  std::error_code none;
  std::erase_if(own_means_, [&](TileFileName const& name) {
    if (counting.contains(name)) return false;
    fs::remove(directory_ / name.text(), none);
    return true;
  });
}

template <class T>
std::vector<T> TileStore::get(TileIndex tile, std::size_t kernel) {
  std::vector<T> values(layout_.count(tile));
  get(tile, kernel, std::span(values));
  return values;
}
template std::vector<double> TileStore::get(TileIndex, std::size_t);
template std::vector<float> TileStore::get(TileIndex, std::size_t);

template <class T>
void TileStore::get(TileIndex tile, std::size_t kernel, std::span<T> values) {
  if (run_ && run_->contains(tile)) flush();
  auto const known = records_.find({tile, static_cast<int>(kernel)});
  INFINITILE_EXPECT(sizeof(T) == layout_.value_size() && known != records_.end());
  TileRecord const record = known->second;
  PlainFile const file(directory_ / record.file.text(), PlainFile::Use::read);
  auto const bytes = std::as_writable_bytes(values);
  if (file.read_at(record.offset, bytes) && checksum(bytes) == record.checksum) return;
  forget({record.file, Damage::Part::values});
  throw Stopped(text(where(record.file), " was damaged while the job ran. Run the same command again: it computes the lost tiles."));
}
template void TileStore::get(TileIndex, std::size_t, std::span<double>);
template void TileStore::get(TileIndex, std::size_t, std::span<float>);

std::optional<Damage> TileStore::find_damage(TileIndex tile) {
  for (int kernel = 0; kernel < static_cast<int>(layout_.kernels.size()); ++kernel) {
    auto const known = records_.find({tile, kernel});
    if (known == records_.end()) continue;
    TileRecord const& record = known->second;
    if (!verified_.contains(record.file)) {
      if (!structure_holds(directory_, record.file, layout_)) return Damage{record.file, Damage::Part::structure};
      verified_.insert(record.file);
    }
    if (!values_hold(directory_, record, layout_)) return Damage{record.file, Damage::Part::values};
  }
  return std::nullopt;
}

void TileStore::forget(Damage const& damage) {
  TileFileName const name = damage.file;
  std::size_t const lost = std::erase_if(records_, [&](auto const& entry) { return entry.second.file == name; });
  if (lost == 0) return;
  log_warning(text(where(name), " is damaged (", damage.part == Damage::Part::values ? "values" : "structure", "): removed, its ",
                   lost / layout_.kernels.size(), " tiles are computed again"));
  std::error_code none;
  fs::remove(directory_ / name.text(), none);
}

}  // namespace infinitile
