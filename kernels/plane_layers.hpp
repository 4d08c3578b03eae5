#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "base/index.hpp"
#include "kernels/plane_relu.hpp"

namespace infinitile {

/// The steps of a program that have a form of their own in planes: a window, with the weights and the ReLU behind it where they follow, or a
/// ReLU alone.
template <class R>
class PlaneLayers {
public:
  struct Layer {
    Windows windows{};
    std::size_t steps = 1;  ///< how many it does
    plane_step::Weights<R> weights;
    /// What runs over rows: the weights, with a ReLU where there is one.
    std::variant<plane_step::Weights<R>, plane_step::WeightsAndRelu<R, Angles::any>, plane_step::WeightsAndRelu<R, Angles::acute>> rows;
  };

  explicit PlaneLayers(PositionProgram const& program) : program_(program), angles_(known_angles(program)) {
    for (std::size_t n = 0; n < program.steps.size(); ++n) layers_.push_back(layer_at(n));
  }

  /// The one that begins at step n, if any.
  std::optional<Layer> const& operator[](std::size_t n) const { return layers_[n]; }

private:
  using Kind = PositionStep::Kind;

  std::optional<Layer> layer_at(std::size_t n) const {
    PositionStep const& s = program_.steps[n];
    if (s.kind == Kind::activate) {
      Layer alone = weigh({}, 1, plane_step::Weights<R>(1));
      return rectify(alone, n) ? std::optional(alone) : std::nullopt;
    }
    if (s.kind != Kind::mix) return std::nullopt;
    PositionMap const& map = program_.maps[at(s.index)];
    if (map.shape != PositionMap::Shape::window) return std::nullopt;
    if (!follows(n + 1, Kind::dense, s.target) || !plane_step::Weights<R>::fits(program_.steps[n + 1]))
      return weigh(windows_of(map), 1, plane_step::Weights<R>(map.scale));
    Layer layer = weigh(windows_of(map), 2, plane_step::Weights<R>(program_.steps[n + 1], map.scale));
    if (follows(n + 2, Kind::activate, s.target) && rectify(layer, n + 2)) layer.steps = 3;
    return layer;
  }

  bool follows(std::size_t n, Kind kind, int target) const {
    return n < program_.steps.size() && program_.steps[n].kind == kind && program_.steps[n].target == target;
  }

  static Layer weigh(Windows const& windows, std::size_t steps, plane_step::Weights<R> const& weights) {
    return {windows, steps, weights, weights};
  }

  /// The activation at step n behind the weights, if it is a ReLU.
  bool rectify(Layer& layer, std::size_t n) const {
    auto const relu = plane_step::as_ab_relu(program_.activations[at(program_.steps[n].index)]);
    if (!relu) return false;
    if (angles_[n] == Angles::acute)
      layer.rows = plane_step::WeightsAndRelu<R, Angles::acute>(layer.weights, *relu);
    else
      layer.rows = plane_step::WeightsAndRelu<R, Angles::any>(layer.weights, *relu);
    return true;
  }

  PositionProgram const& program_;
  std::vector<Angles> angles_;
  std::vector<std::optional<Layer>> layers_;
};

}  // namespace infinitile
