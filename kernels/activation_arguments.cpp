#include "kernels/activation_arguments.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

bool fits(Parameter const& parameter, ParameterValue const& value) {
  if (parameter.kind == Parameter::Kind::numbers) return std::holds_alternative<std::vector<double>>(value);
  double const* const x = std::get_if<double>(&value);
  if (x == nullptr || !std::isfinite(*x)) return false;
  if (parameter.kind == Parameter::Kind::integer) return *x == std::floor(*x) && std::abs(*x) < 1e6;
  return parameter.kind != Parameter::Kind::flag || *x == 0 || *x == 1;
}

std::string wanted(Parameter::Kind kind) {
  switch (kind) {
    case Parameter::Kind::number:
      return "a finite number";
    case Parameter::Kind::integer:
      return "an integer";
    case Parameter::Kind::flag:
      return "true or false";
    case Parameter::Kind::numbers:
      return "a list of numbers";
  }
  return "";
}

}  // namespace

Arguments::Arguments(Signature const& signature, NamedValues const& given) {
  std::vector<std::string> known;
  for (Parameter const& parameter : signature.parameters) known.push_back(parameter.name);
  for (auto const& [key, value] : given)
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw Error(text(signature.name, " has no parameter ", key, "; it has ", known.empty() ? "none" : join(known), ".",
                       did_you_mean(key, known)));
  for (Parameter const& parameter : signature.parameters) {
    auto const written = std::find_if(given.begin(), given.end(), [&](auto const& entry) { return entry.first == parameter.name; });
    if (written == given.end() && parameter.needed) throw Error(text(parameter.name, " is not given; it is needed."));
    ParameterValue const& value = written == given.end() ? parameter.standard : written->second;
    if (!fits(parameter, value)) throw Error(text(parameter.name, " is something else; ", wanted(parameter.kind), " is needed."));
    values_.emplace_back(parameter.name, value);
  }
}

ParameterValue const& Arguments::find(std::string_view name) const {
  for (auto const& [key, value] : values_)
    if (key == name) return value;
  INFINITILE_EXPECT(!"an activation reads a parameter that its signature does not list");
  return values_.front().second;
}

double Arguments::number(std::string_view name) const {
  return std::get<double>(find(name));
}

double Arguments::at_least(double least, std::string_view name) const {
  double const value = number(name);
  if (value < least) throw Error(text(name, " is ", value, "; a number from ", least, " on is needed."));
  return value;
}

int Arguments::integer(std::string_view name, int least, int most) const {
  double const value = number(name);
  if (value < least || value > most) throw Error(text(name, " is ", value, "; an integer from ", least, " to ", most, " is needed."));
  return static_cast<int>(value);
}

std::vector<double> const& Arguments::numbers(std::string_view name, int most) const {
  auto const& values = std::get<std::vector<double>>(find(name));
  if (values.empty() || values.size() > static_cast<std::size_t>(most))
    throw Error(text(name, " has ", values.size(), " numbers; 1 to ", most, " are needed."));
  for (double const value : values)
    if (!std::isfinite(value)) throw Error(text(name, " has an entry that is not a finite number; finite ones are needed."));
  return values;
}

}  // namespace infinitile
