#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace infinitile {

/// What the value of a key must be.
enum class Needs {
  section,         ///< a mapping of the keys below it
  text,            ///< one word or path
  names,           ///< one word or path, or a list of them
  any_names,       ///< the same, or [] for none
  shape,           ///< a list of sizes from 1, or a list of such lists
  one_of,          ///< one of the choices
  some_of,         ///< one of the choices, or a list of different ones
  flag,            ///< true or false
  number,          ///< a finite number
  number_from_0,   ///< a finite number, not negative
  whole_from_0,    ///< a whole number, not negative
  seed,            ///< the same, up to 2^63 - 1
  whole_from_2,    ///< a whole number of at least two
  auto_or_from_1,  ///< auto, or a whole number from 1
  auto_or_number,  ///< auto, or a finite number above 0
  counts,          ///< a list of whole numbers from 0, each larger than the one before
  axes,            ///< a list of whole numbers, also an empty one
  scale,           ///< one of the choices, or a mapping of one of them to its parameters; scale_keys.cpp reads them
  mapping,         ///< a mapping of keys that the table does not list
  network,         ///< layers; net/ reads them
};

/// What another value in the same run directory would make wrong.
enum class Touches {
  nothing,  ///< names and places
  results,  ///< what every run makes anew from the tiles: the value may change from run to run
  sources,  ///< where data or network come from: the value may change as long as what stands there is the same (see Sources)
  tiles,    ///< the tiles themselves
  means,    ///< how many networks the tiles are means of: the number may grow, and running means go on
};

/// One key of the job file.
struct Key {
  std::string path;  ///< kernel.tile
  Needs needs = Needs::text;
  Touches touches = Touches::nothing;
  std::string standard;  ///< the default, as YAML; empty: there is none
  std::string example;   ///< what --defaults shows where there is no default
  std::string comment;   ///< what --defaults says about it
  std::vector<std::string> choices;
  std::vector<std::string> kinds{};  ///< those of kernel.kind that read it; empty: all do
};

/// THE table of the job file, in the order in which people read it. The reader checks with it, --defaults prints it, the echo and the
/// fingerprint follow it.
std::vector<Key> const& job_keys();

/// The row of a path, or null.
Key const* find_key(std::string_view path);

/// The names directly below a section: train, test, shape, scale for data; the top ones for "".
std::vector<std::string> keys_below(std::string_view section);

/// What --defaults prints: a complete valid job with a comment on each key.
std::string default_job();

}  // namespace infinitile
