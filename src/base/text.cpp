#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include <fmt/format.h>

#include "base/error.hpp"

namespace infinitile {

std::string one_line(std::string_view words) {
  auto const byte = [&](std::size_t i) { return i < words.size() ? static_cast<unsigned char>(words[i]) : 0u; };
  auto const continues = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  std::string out;
  for (std::size_t i = 0; i < words.size();) {
    unsigned const first = byte(i);
    std::size_t const length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    bool valid = length > 0;
    for (std::size_t k = 1; k < length; ++k) valid = valid && continues(i + k);
    if (valid && length > 1)
      out += words.substr(i, length);
    else
      out += !valid ? '?' : first < 0x20 || first == 0x7F ? ' ' : static_cast<char>(first);
    i += valid ? length : 1;
  }
  return out;
}

std::string join(std::vector<std::string> const& words, std::string_view separator, std::string_view last) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? last : separator;
    out += words[i];
  }
  return out;
}

namespace {

/// Levenshtein distance with one row of the table.
int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      int const above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

/// "GlobalAvgPool", "global_avg_pool" and "global-avg-pool" are one name.
std::string fold(std::string_view word) {
  std::string out;
  for (char const c : word)
    if (c != '_' && c != '-') out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// The candidates that are no farther from `word` than a typing slip, nearest first.
std::vector<std::string> find_near(std::string_view word, std::vector<std::string> const& candidates) {
  std::string const folded = fold(word);
  int const farthest = std::max(2, static_cast<int>(folded.size()) / 2);
  std::vector<std::pair<int, std::string>> near;
  for (auto const& candidate : candidates)
    if (int const distance = edit_distance(folded, fold(candidate)); distance <= farthest) near.emplace_back(distance, candidate);
  std::ranges::stable_sort(near, {}, [](auto const& each) { return each.first; });
  std::vector<std::string> out;
  for (auto& each : near) out.push_back(std::move(each.second));
  return out;
}

}  // namespace

std::string nearest(std::string_view word, std::vector<std::string> const& candidates) {
  std::vector<std::string> const near = find_near(word, candidates);
  return near.empty() ? "" : near.front();
}

std::string did_you_mean(std::string_view word, std::vector<std::string> const& candidates, std::size_t most) {
  std::vector<std::string> near = find_near(word, candidates);
  if (near.empty()) return "";
  near.resize(std::min(near.size(), most));
  for (auto& each : near) each = text('"', each, '"');
  return text(" Did you mean ", join(near, ", ", " or "), "?");
}

std::string format_bytes(double bytes) {
  static constexpr std::array<char const*, 6> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < units.size()) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 || bytes >= 100 ? fmt::format("{:.0f} {}", bytes, units[unit]) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

double parse_bytes(std::string_view words) {
  std::string const copy(words);
  char* end = nullptr;
  double const number = std::strtod(copy.c_str(), &end);
  std::string unit;
  for (; *end != '\0'; ++end)
    if (std::isspace(static_cast<unsigned char>(*end)) == 0) unit += static_cast<char>(std::toupper(static_cast<unsigned char>(*end)));
  static constexpr std::string_view prefixes = "KMGTP";
  double factor = 1;
  if (!unit.empty() && unit != "B") {
    auto const place = prefixes.find(unit[0]);
    std::string_view const rest = std::string_view(unit).substr(1);
    bool const known = place != std::string_view::npos && (rest.empty() || rest == "B" || rest == "IB");
    factor = known ? std::pow(1024.0, static_cast<double>(place) + 1) : -1;
  }
  if (end == copy.c_str() || !std::isnormal(number) || number < 0 || factor < 0)
    throw Error(text("\"", words, "\" is not an amount of memory. Write it as 64GiB or 512MiB."));
  return number * factor;
}

std::string format_seconds(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.2g} us", seconds * 1e6);
  if (seconds < 0.1) return fmt::format("{:.3g} ms", seconds * 1e3);
  if (seconds < 10) return fmt::format("{:.2f} s", seconds);
  long const whole = std::lround(seconds);
  if (whole < 100) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

std::string format_count(double count) {
  static constexpr std::array<char const*, 7> prefixes{"", " k", " M", " G", " T", " P", " E"};
  std::size_t prefix = 0;
  while (std::abs(count) >= 999.5 && prefix + 1 < prefixes.size()) {
    count /= 1000;
    ++prefix;
  }
  return fmt::format("{:.3g}{}", count, prefixes[prefix]);
}

}  // namespace infinitile
