#pragma once

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace infinitile {

/// Its arguments written one after the other: text("tile ", 3, " of ", 7).
template <class... Parts>
std::string text(Parts const&... parts) {
  std::ostringstream out;
  out.precision(15);
  (out << ... << parts);
  return std::move(out).str();
}

/// The words as one line of valid UTF-8: control characters become blanks, other bytes question marks. Names out of files can hold anything.
std::string one_line(std::string_view words);

/// "a, b and c".
std::string join(std::vector<std::string> const& words, std::string_view separator = ", ", std::string_view last = " and ");

/// The candidate that takes the fewest single-letter edits from `word`, capitals, _ and - apart; empty when even the best is farther than a
/// typing slip.
std::string nearest(std::string_view word, std::vector<std::string> const& candidates);

/// ` Did you mean "dense"?`, or nothing; with `most` of 2 and more also ` Did you mean "relu" or "elu"?`.
std::string did_you_mean(std::string_view word, std::vector<std::string> const& candidates, std::size_t most = 1);

/// 1.4 GiB. Powers of 1024.
std::string format_bytes(double bytes);

/// 64GiB, 512 MiB, 1e9: bytes; units of 1024 with or without the i and the B. Throws Error for anything else.
double parse_bytes(std::string_view words);

/// 0.25 s, 12 s, 3 min 20 s, 2 h 5 min.
std::string format_seconds(double seconds);

/// 12.3 G, 4.56 M: three digits and an SI prefix.
std::string format_count(double count);

}  // namespace infinitile
