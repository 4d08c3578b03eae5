#include "kernels/activation.hpp"

#include <cmath>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "kernels/activation_expanded.hpp"
#include "kernels/layer_view.hpp"

namespace infinitile {

namespace {

/// f(a null pointer to A) for each type A of the list.
template <class F, class... A>
void for_each_activation(F&& f, TypeList<A...>) {
  (f(static_cast<A*>(nullptr)), ...);
}

template <class A>
constexpr bool has_function = requires(A const& phi) {
  phi.value(0.0);
};

[[noreturn]] void throw_no_function(std::string const& name) {
  throw Error(
      text(name, " is a kernel without a function: it has no finite networks, and input_shift and output_shift mean nothing for it."));
}

}  // namespace

std::vector<Signature> activation_signatures() {
  std::vector<Signature> signatures;
  for_each_activation([&]<class A>(A*) { signatures.push_back(A::signature()); }, Activations());
  return signatures;
}

AnyActivation make_activation(std::string_view name, NamedValues const& given, Scaling const& scaling) {
  std::optional<AnyActivation> made;
  std::vector<std::string> known;
  auto const try_one = [&]<class A>(A*) {
    Signature const signature = A::signature();
    known.push_back(signature.name);
    if (signature.name != name) return;
    if (!has_function<A> && (scaling.input_shift != 0 || scaling.output_shift != 0)) throw_no_function(signature.name);
    made = AnyActivation(A(Arguments(signature, given)), scaling);
  };
  for_each_activation(try_one, Activations());
  if (!made) throw Error(text("no activation is called \"", name, "\".", did_you_mean(name, known), " There are ", join(known), "."));
  return *made;
}

double activation_value(AnyActivation const& any, double x) {
  double y = 0;
  with_activation(any, [&]<class A>(A const& phi) {
    if constexpr (has_function<A>)
      y = scaled_value(phi, any.scaling, x);
    else
      throw_no_function(A::signature().name);
  });
  return y;
}

double activation_slope(AnyActivation const& any, double x) {
  double y = 0;
  with_activation(any, [&]<class A>(A const& phi) {
    if constexpr (has_function<A>)
      y = scaled_slope(phi, any.scaling, x);
    else
      throw_no_function(A::signature().name);
  });
  return y;
}

/// How one layer is carried. The work of a strip happens behind one call.
class PreparedActivation::Layer {
public:
  virtual ~Layer() = default;
  virtual double variance(double q) const = 0;
  virtual double slope_variance(double q) const = 0;
  virtual double mean(double q) const = 0;
  virtual AngleView table() const = 0;
  virtual int features() const = 0;
  virtual void fill(double q, double* out, long stride) const = 0;
  virtual void carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const = 0;
  virtual bool carry_single(int count, float* gap, float* slope) const = 0;  ///< false: not possible, nothing changed
};

namespace {

template <class How>
class LayerOf : public PreparedActivation::Layer {
public:
  explicit LayerOf(How how) : how_(std::move(how)) {}
  double variance(double q) const override { return how_.variance(q); }
  double slope_variance(double q) const override { return how_.slope_variance(q); }
  double mean(double q) const override { return how_.mean(q); }
  AngleView table() const override {
    if constexpr (requires { how_.table(); })
      return how_.table();
    else
      return {};
  }
  int features() const override { return how_.features(); }
  void fill(double q, double* out, long stride) const override { how_.fill(q, out, stride); }
  void carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const override {
    how_.carry(row, col, count, gap, slope);
  }
  bool carry_single(int count, float* gap, float* slope) const override {
    if constexpr (requires { how_.carry_single(count, gap, slope); })
      return how_.carry_single(count, gap, slope);
    else
      return false;
  }

private:
  How how_;
};

template <class How>
PreparedActivation ready(How how) {
  return PreparedActivation(std::make_shared<LayerOf<How> const>(std::move(how)));
}

}  // namespace

double PreparedActivation::variance(double q) const {
  return layer_->variance(q);
}
double PreparedActivation::slope_variance(double q) const {
  return layer_->slope_variance(q);
}
double PreparedActivation::mean(double q) const {
  return layer_->mean(q);
}
AngleView PreparedActivation::table() const {
  return layer_->table();
}
int PreparedActivation::features() const {
  return layer_->features();
}
void PreparedActivation::features(double q, double* out, long stride) const {
  layer_->fill(q, out, stride);
}
void PreparedActivation::carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const {
  layer_->carry(row, col, count, gap, slope);
}
void PreparedActivation::carry(RowSide const& row, ColSide const& col, int count, float* gap, float* slope) const {
  if (layer_->carry_single(count, gap, slope)) return;
  constexpr int most = 128;
  double gaps[most], slopes[most];
  for (int first = 0; first < count; first += most) {
    int const width = std::min(most, count - first);
    std::copy_n(gap + first, width, gaps);
    ColSide const part{col.root + first, col.next_root + first, col.features + first, col.stride};
    layer_->carry(row, part, width, gaps, slopes);
    for (int j = 0; j < width; ++j) {
      gap[first + j] = static_cast<float>(gaps[j]);
      slope[first + j] = static_cast<float>(slopes[j]);
    }
  }
}

namespace {

void expect_integrable(double most_q, double largest) {
  if (!(most_q < largest))
    throw Error(text("with b > 0 the variance before it has to be below 1 / (4 b) = ", largest, ", and is ", most_q,
                     " here, where E[f²] is infinite. Scale the weights (w_std) or the data (data.scale) down, or take a smaller b."));
}

/// Which of the ways there are for phi, whose Family this is.
template <class A>
PreparedActivation prepare_family(A const& phi, Scaling const& scale, double q_min, double q_max) {
  if constexpr (requires { phi.largest_variance(); })
    expect_integrable(q_max * scale.input_scale * scale.input_scale, phi.largest_variance());
  std::optional<PreparedActivation> made;
  with_closed_layer(phi, scale, [&](auto layer) {
    if constexpr (requires { layer.alive; }) layer.alive = layer.variance(q_min) > 0;
    made = ready(std::move(layer));
  });
  if (made) return *made;
  if constexpr (requires { A::kinked; })
    if (scale.input_shift != 0 && scale.input_scale != 0) return ready(KinkLayer<A>(phi, scale));
  if constexpr (has_function<A>) return ready(TableLayer(response_of(phi, scale), std::sqrt(q_min), std::sqrt(q_max)));
  throw_no_function("this activation");
}

template <class A>
int expected_of_family(A const& phi, Scaling const& scale) {
  constexpr int expanded = 33;  // silu for variances from 0 to 10; for larger ones it is up to twice as many
  int features = expanded;
  if constexpr (requires { A::kinked; })
    if (scale.input_shift != 0 && scale.input_scale != 0) features = 0;
  with_closed_layer(phi, scale, [&](auto const& layer) { features = layer.features(); });
  return features;
}

}  // namespace

int expected_features(AnyActivation const& any) {
  int features = 0;
  with_activation(any, [&](auto const& phi) { features = expected_of_family(family_of(phi), any.scaling); });
  return features;
}

PreparedActivation prepare(AnyActivation const& any, double q_min, double q_max) {
  INFINITILE_EXPECT(q_min >= 0 && q_min <= q_max && std::isfinite(q_max));
  std::optional<PreparedActivation> made;
  with_activation(any, [&](auto const& phi) { made = prepare_family(family_of(phi), any.scaling, q_min, q_max); });
  return *made;
}

}  // namespace infinitile
