#include "store/number_file.hpp"

#include <fstream>

#include "store/file.hpp"

namespace infinitile {

namespace fs = std::filesystem;

void write_numbers(fs::path const& path, std::uint64_t identity, std::span<double const> numbers) {
  fs::path const part = unfinished(path);
  try {
    { std::ofstream const emptied(part, std::ios::binary | std::ios::trunc); }
    PlainFile file(part, PlainFile::Use::append);
    file.append(std::as_bytes(std::span(&identity, 1)));
    file.append(std::as_bytes(numbers));
    file.close();
    seal_file(part);
    publish(path);
  } catch (...) {
    std::error_code none;
    fs::remove(part, none);
    throw;
  }
}

std::optional<std::vector<double>> read_numbers(fs::path const& path, std::uint64_t identity) {
  if (!seal_holds(path)) return std::nullopt;
  constexpr std::uint64_t head = sizeof identity, seal = 16;
  PlainFile const file(path, PlainFile::Use::read);
  if (file.size() < head + seal) return std::nullopt;
  std::uint64_t found = 0;
  std::vector<double> numbers((file.size() - head - seal) / sizeof(double));
  bool const read =
      file.read_at(0, std::as_writable_bytes(std::span(&found, 1))) && file.read_at(head, std::as_writable_bytes(std::span(numbers)));
  return read && found == identity ? std::optional(std::move(numbers)) : std::nullopt;
}

}  // namespace infinitile
