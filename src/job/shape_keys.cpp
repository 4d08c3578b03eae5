#include "job/shape_keys.hpp"

#include <limits>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/yaml.hpp"

namespace infinitile {

namespace {

constexpr double most_activations = 1e6;  // all blocks together; a solve goes through them a hundred times

/// The fields of a mapping that may have these keys; messages about them begin with `place`.
std::vector<Field> fields_among(YAML::Node const& mapping, std::string const& place, std::vector<std::string> const& known) {
  std::vector<Field> out;
  for (auto const& entry : mapping) {
    Field field{entry.second, show_value(entry.first), place};
    expect_known(field.key, known, "key", place);
    if (!field.value.IsNull()) out.push_back(std::move(field));
  }
  return out;
}

int read_count(Field const& field, int least) {
  long const count = read_integer(field);
  if (count < least || count > std::numeric_limits<int>::max())
    field.fail(text("a whole number from ", least, " to ", std::numeric_limits<int>::max()));
  return static_cast<int>(count);
}

void read_if_given(std::vector<Field> const& fields, char const* key, int least, int& count) {
  if (Field const* const field = find_field(fields, key)) count = read_count(*field, least);
}

BlockMap::Block read_block(Field const& field) {
  std::string const place = text(field.place, ".", field.key);
  if (!field.value.IsMap())
    throw Error(text(place, " is ", in_words(field.value), "; a mapping is needed, such as {activations: 3, shortcut_weight: 0.6}."));
  auto const fields = fields_among(field.value, place, {"activations", "shortcut_weight", "projection", "then", "times"});
  if (find_field(fields, "activations") == nullptr) throw Error(text(place, " has no activations. Say how many its branch has."));
  BlockMap::Block out;
  read_if_given(fields, "activations", 1, out.activations);
  read_if_given(fields, "then", 0, out.then);
  read_if_given(fields, "times", 1, out.times);
  if (Field const* const projection = find_field(fields, "projection")) out.projection = read_flag(*projection);
  if (Field const* const weight = find_field(fields, "shortcut_weight")) {
    out.shortcut_weight = read_number(*weight);
    if (out.shortcut_weight < 0 || out.shortcut_weight > 1)
      weight->fail("a number from 0 to 1, whose square is the shortcut's share of the variance,");
  }
  return out;
}

double activations_in(BlockMap const& map) {
  double total = map.then;
  for (BlockMap::Block const& block : map.blocks) total += static_cast<double>(block.times) * (1.0 + block.activations + block.then);
  return total;
}

/// {chain: 100}, or {blocks: [{activations: 3, shortcut_weight: 0.6, projection: true, then: 0, times: 1}, ...], then: 1}.
BlockMap read_block_map(YAML::Node const& node, std::string const& origin) {
  std::string const place = origin + ": shape.subnetworks";
  auto const fields = fields_among(node, place, {"chain", "blocks", "then"});
  Field const* const chain = find_field(fields, "chain");
  Field const* const blocks = find_field(fields, "blocks");
  if ((chain == nullptr) == (blocks == nullptr) || (chain != nullptr && fields.size() > 1))
    throw Error(text(place, " is ", show_value(node),
                     ", but a chain alone or blocks are needed, such as {chain: 100} or {blocks: [{activations: 3, shortcut_weight: 0.6, "
                     "times: 16}], then: 1}."));
  BlockMap out;
  if (chain != nullptr) {
    out.then = read_count(*chain, 1);
  } else {
    if (!blocks->value.IsSequence() || blocks->value.size() == 0) blocks->fail("a list of blocks");
    for (Field const& block : elements_of(*blocks)) out.blocks.push_back(read_block(block));
    read_if_given(fields, "then", 0, out.then);
  }
  if (activations_in(out) > most_activations)
    throw Error(fmt::format("{} has {:.0f} activations, and at most {:.0f} are counted. Take fewer.", place, activations_in(out),
                            most_activations));
  return out;
}

}  // namespace

Job::Shape read_shape(Settings const& settings) {
  auto const number = [&](char const* key) { return settings.at(std::string("shape.") + key).as<double>(); };
  Job::Shape out{settings.at("shape.method").Scalar(),
                 number("c_slope_1_target"),
                 number("local_q_slope_target"),
                 number("c_val_0_target"),
                 number("c_curve_target"),
                 {}};
  if (settings.given("shape.subnetworks"))
    out.subnetworks = read_block_map(settings.at("shape.subnetworks"), settings.origin("shape.subnetworks"));
  return out;
}

}  // namespace infinitile
