#include "job/shaping.hpp"

#include <cmath>
#include <tuple>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "job/data.hpp"
#include "job/network.hpp"
#include "job/problem.hpp"
#include "job/write_shaped.hpp"
#include "kernels/activation.hpp"
#include "shaping/network_maps.hpp"

namespace infinitile {

namespace {

std::vector<double> even_steps(double first, double last, int count) {
  std::vector<double> out;
  for (int i = 0; i < count; ++i) out.push_back(first + (last - first) * i / (count - 1));
  return out;
}

/// The maps at the same places before and after.
class Curves {
public:
  explicit Curves(Shaping& out) : out_(out) {
    add("shape/c", c_axis(), c_, "correlations of two inputs of variance 1: where the C maps are shown");
    add("shape/q", q_axis(), q_, "variances of an input: where the Q maps are shown");
  }

  void add_network(Network const& before, Network const& after) {
    NetworkMaps const old_maps(before), new_maps(after);
    std::vector<double> const old_c = old_maps.c(c_), new_c = new_maps.c(c_);
    std::size_t const half = 3 * (c_.size() - 1) / 4;
    out_.half_before = old_c[half];
    out_.half_after = new_c[half];
    add("shape/network/c_before", c_axis(), old_c, "C map of the network as it was written");
    add("shape/network/c_after", c_axis(), new_c, "C map of the shaped network");
    add("shape/network/q_before", q_axis(), variances([&](double q) { return old_maps.q(q); }), "Q map of the network as it was written");
    add("shape/network/q_after", q_axis(), variances([&](double q) { return new_maps.q(q); }), "Q map of the shaped network");
    Note note{"shape/network", {}};
    for (auto const& [maps, c, when] : {std::tuple(&old_maps, &old_c, "before"), std::tuple(&new_maps, &new_c, "after")}) {
      MapsAtOne const at_one = maps->at_one();
      for (auto const& [name, value] :
           {std::pair("q_val_1", at_one.q), std::pair("q_slope_1", at_one.q_slope), std::pair("c_val_0", (*c)[(c->size() - 1) / 2]),
            std::pair("c_slope_1", at_one.c_slope), std::pair("c_curve_1", at_one.c_curvature)})
        if (std::isfinite(value)) note.attributes.push_back({text(name, "_", when), value});
    }
    out_.notes.push_back(note);
  }

  void add_kind(std::string const& path, AnyActivation const& before, AnyActivation const& after) {
    for (auto const& [f, when] : {std::pair(before, "before"), std::pair(after, "after")}) {
      std::vector<double> c = c_;
      map_correlations(f, 1, c);
      add(text(path, "/c_", when), c_axis(), c, text("C map of the activation ", when, " shaping, at variance 1"));
      auto const variance = [f = f](double q) {
        AnyActivation scaled = f;
        scaled.scaling.input_scale *= std::sqrt(q);
        return local_moments(scaled).q();
      };
      add(text(path, "/q_", when), q_axis(), variances(variance), text("Q map of the activation ", when, " shaping"));
    }
  }

private:
  std::vector<Axis> c_axis() const { return {{"c_index", std::ssize(c_)}}; }
  std::vector<Axis> q_axis() const { return {{"q_index", std::ssize(q_)}}; }
  template <class Map>
  std::vector<double> variances(Map const& map) const {
    std::vector<double> out;
    for (double const q : q_) out.push_back(map(q));
    return out;
  }
  void add(std::string const& path, std::vector<Axis> const& axes, std::vector<double> const& values, std::string const& description) {
    out_.arrays.push_back({path, axes, values, description, "", {}});
  }

  Shaping& out_;
  std::vector<double> c_ = even_steps(-1, 1, 81), q_ = even_steps(0, 2, 41);
};

ShapeGoal goal_of(Job::Shape const& shape) {
  return {shape.method == "dks" ? ShapeGoal::Method::dks : ShapeGoal::Method::tat,
          shape.c_slope_1_target,
          shape.local_q_slope_target,
          shape.c_val_0_target,
          shape.c_curve_target,
          shape.subnetworks};
}

/// tanh, then tanh_2: kinds of one name differ in their parameters.
std::string name_of(std::vector<ShapedKind> const& kinds, std::size_t k) {
  int same = 1;
  for (std::size_t i = 0; i < k; ++i) same += kinds[i].before.name == kinds[k].before.name ? 1 : 0;
  return same == 1 ? kinds[k].before.name : text(kinds[k].before.name, "_", same);
}

Note note_of(ShapedKind const& kind, std::string const& path) {
  Scaling const& s = kind.shaped.scaling;
  Note note{path,
            {{"activation", kind.before.name},
             {"input_scale", s.input_scale},
             {"input_shift", s.input_shift},
             {"output_scale", s.output_scale},
             {"output_shift", s.output_shift},
             {"residual_q", kind.residuals.q}}};
  if (kind.before.name == "leaky_relu") note.attributes.push_back({"alpha", alpha_of(kind.shaped)});
  auto const add = [&](char const* name, std::optional<double> const& value) {
    if (value) note.attributes.push_back({name, *value});
  };
  add("residual_c_at_0", kind.residuals.c_at_0);
  add("residual_q_slope", kind.residuals.q_slope);
  add("residual_c_slope", kind.residuals.c_slope);
  add("residual_c_curvature", kind.residuals.c_curvature);
  return note;
}

}  // namespace

Shaping shape_job(Job const& job) {
  std::vector<std::vector<long>> const shapes = input_shapes(job);
  std::vector<Signature> const signatures = activation_signatures();
  Network const network = build_network(job, shapes, signatures);
  ReadContext const context{job.file.string(), job.file.parent_path().string(), shapes, signatures, job.kernel.output};
  Shaping out;
  out.network = shape_network(network, goal_of(job.shape));
  out.words = write_shaped(find_layers(job.network, context), network, out.network);
  Network const shaped = read_network(parse_yaml(out.words, "shaped.yaml"), {"shaped.yaml", "", shapes, signatures, job.kernel.output});
  Curves curves(out);
  curves.add_network(network, shaped);
  for (std::size_t k = 0; k < out.network.kinds.size(); ++k) {
    ShapedKind const& kind = out.network.kinds[k];
    std::string const path = "shape/" + name_of(out.network.kinds, k);
    curves.add_kind(path, make_activation(kind.before.name, kind.before.parameters), kind.shaped);
    out.notes.push_back(note_of(kind, path));
  }
  out.notes.push_back({"shape",
                       {{"method", job.shape.method},
                        {std::string(out.network.goal_key()), out.network.wanted},
                        {"achieved", out.network.achieved},
                        {"achieved_in_graph", out.network.in_graph},
                        {"local_target", out.network.local.value}}});
  return out;
}

}  // namespace infinitile
