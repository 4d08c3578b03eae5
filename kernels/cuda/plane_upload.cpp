#include "kernels/cuda/plane_upload.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/error.hpp"
#include "kernels/plane_relu.hpp"

namespace infinitile::plane_kernel {

namespace {

using Kind = PositionStep::Kind;
using Shape = PositionMap::Shape;

/// A window of one axis that leaves each position in its place.
bool keeps_size(AxisWindow const& w, int taps) {
  return w.size == taps && w.stride == 1 && w.low == taps / 2 && w.output == w.input;
}

/// 3 or 1; 0 for windows that the twin does not have.
int taps_of(PositionMap const& map) {
  if (map.shape != Shape::window) return 0;
  Windows const w = windows_of(map);
  for (int const taps : {1, 3})
    if (keeps_size(w[0], 1) && keeps_size(w[1], taps) && keeps_size(w[2], taps)) return taps;
  return 0;
}

/// Which slots of the table layers read, as the arrays number them.
class Slots {
public:
  int number(int slot) {
    auto const known = std::ranges::find(used_, slot);
    if (known != used_.end()) return static_cast<int>(known - used_.begin());
    used_.push_back(slot);
    return static_cast<int>(used_.size()) - 1;
  }
  std::vector<int> const& used() const { return used_; }

private:
  std::vector<int> used_;
};

/// Steps joined to layers.
template <class R>
class LayerWriter {
public:
  explicit LayerWriter(PositionProgram const& program) : program_(program) {}

  void take(PositionStep const& s) {
    switch (s.kind) {
      case Kind::mix: {
        PositionMap const& map = program_.maps[static_cast<std::size_t>(s.index)];
        begin(Part::window, s.after).taps = taps_of(map);
        sum_scale_ = map.scale;
        layers_.back().before = slots_.number(s.before);
        set_weights(plane_step::Weights<R>(map.scale));
        break;
      }
      case Kind::dense:
        begin(Part::weights, s.after);
        set_weights(plane_step::Weights<R>(s, sum_scale_));
        break;
      case Kind::activate:
        begin(Part::activation, s.before);
        set_activation(*plane_step::as_ab_relu(program_.activations[static_cast<std::size_t>(s.index)]));
        break;
      default:
        break;
    }
  }

  std::vector<PlaneLayer<R>> const& layers() const { return layers_; }
  std::vector<int> const& slots() const { return slots_.used(); }

private:
  enum class Part { none, window, weights, activation };

  /// The layer that a part goes into: the last one where its parts so far come in front of it, else a new one.
  PlaneLayer<R>& begin(Part part, int slot) {
    if (part <= last_ || layers_.empty()) {
      layers_.emplace_back();
      sum_scale_ = 1;
    }
    last_ = part;
    layers_.back().after = slots_.number(slot);
    return layers_.back();
  }

  void set_weights(plane_step::Weights<R> const& weights) {
    PlaneLayer<R>& layer = layers_.back();
    layer.a = weights.a;
    layer.trained = weights.trained;
    layer.one = weights.one;
  }

  void set_activation(plane_step::AbReluLayer const& relu) {
    AbReluNumbers<double> const numbers(relu.phi);
    PlaneLayer<R>& layer = layers_.back();
    layer.bends = 1;
    layer.level = static_cast<R>(numbers.level * relu.in_out);
    layer.product = static_cast<R>(numbers.product * relu.in_out);
    layer.turn = static_cast<R>(numbers.turn);
    layer.bend = static_cast<R>(numbers.bend * relu.in_out);
  }

  PositionProgram const& program_;
  std::vector<PlaneLayer<R>> layers_;
  Slots slots_;
  Part last_ = Part::none;
  double sum_scale_ = 1;
};

/// [input][line][position] from lines that the place (line, position) names.
template <class R, class Place>
std::vector<R> by_input(long inputs, int lines, int positions, Place place) {
  std::vector<R> out;
  out.reserve(static_cast<std::size_t>(inputs * lines * positions));
  for (long i = 0; i < inputs; ++i)
    for (int line = 0; line < lines; ++line)
      for (int p = 0; p < positions; ++p) out.push_back(static_cast<R>(place(i, line, p)));
  return out;
}

}  // namespace

bool fits_plane_kernel(PositionProgram const& program, PlanePlan const& plan) {
  if (plan.stages.size() != 1) return false;
  PlaneStage const& stage = plan.stages.front();
  if (stage.sizes[0] != 1 || stage.sizes[1] > most_side || stage.sizes[2] > most_side) return false;
  int held = -1;  // the register of the one branch that there is
  auto const fits = [&](PositionStep const& s) {
    bool const first = held < 0, goes_on = (s.kind == Kind::mix ? s.source : s.target) == held;
    held = s.target;
    switch (s.kind) {
      case Kind::load:
        return first;
      case Kind::mix:
        return goes_on && taps_of(program.maps[static_cast<std::size_t>(s.index)]) > 0;
      case Kind::dense:
        return goes_on && plane_step::Weights<double>::fits(s);
      case Kind::activate:
        return goes_on && plane_step::as_ab_relu(program.activations[static_cast<std::size_t>(s.index)]).has_value();
      default:
        return false;
    }
  };
  auto const begin = program.steps.begin() + static_cast<long>(stage.first), end = program.steps.begin() + static_cast<long>(stage.sink);
  return std::all_of(begin, end, fits) && program.steps[stage.sink].source == held;
}

template <class R>
PlaneArrays<R> plane_arrays(PositionProgram const& program, PlanePlan const& plan, PositionTable const& table) {
  INFINITILE_EXPECT(fits_plane_kernel(program, plan) && table.rows <= std::numeric_limits<int>::max());
  PlaneStage const& stage = plan.stages.front();
  PositionStep const& sink = program.steps[stage.sink];
  auto const input = static_cast<std::size_t>(program.steps[stage.first].index);
  LayerWriter<R> writer(program);
  for (std::size_t s = stage.first; s < stage.sink; ++s) writer.take(program.steps[s]);
  PlaneArrays<R> out;
  out.height = stage.sizes[1];
  out.width = stage.sizes[2];
  out.channels = table.channels[input];
  int const positions = out.height * out.width;
  out.planes = program.maps[static_cast<std::size_t>(sink.index)].shape == Shape::equal ? 1 : positions;
  out.slots = static_cast<int>(writer.slots().size());
  out.layers = writer.layers();
  out.inputs = by_input<R>(table.rows, out.channels, positions, [&](long i, int channel, int p) {
    return *table.inputs[input].at(static_cast<long>(p) * out.channels + channel, i);
  });
  out.roots = by_input<R>(table.rows, out.slots, positions, [&](long i, int slot, int p) {
    return *table.roots[static_cast<std::size_t>(writer.slots()[static_cast<std::size_t>(slot)])].at(p, i);
  });
  return out;
}

template PlaneArrays<float> plane_arrays(PositionProgram const&, PlanePlan const&, PositionTable const&);
template PlaneArrays<double> plane_arrays(PositionProgram const&, PlanePlan const&, PositionTable const&);

}  // namespace infinitile::plane_kernel
