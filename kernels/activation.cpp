#include "kernels/activation.hpp"

#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "kernels/activation_closed.hpp"

namespace infinitile {

namespace {

/// f(a null pointer to A) for each type A of the list.
template <class F, class... A>
void for_each_activation(F&& f, TypeList<A...>) {
  (f(static_cast<A*>(nullptr)), ...);
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
    if (signature.name == name) made = AnyActivation(A(Arguments(signature, given)), scaling);
  };
  for_each_activation(try_one, Activations());
  if (!made) throw Error(text("no activation is called \"", name, "\".", did_you_mean(name, known), " There are ", join(known), "."));
  return *made;
}

double activation_value(AnyActivation const& any, double x) {
  Scaling const& s = any.scaling;
  double y = 0;
  with_activation(any, [&](auto const& phi) { y = s.output_scale * (phi.value(s.input_scale * x + s.input_shift) + s.output_shift); });
  return y;
}

double activation_slope(AnyActivation const& any, double x) {
  Scaling const& s = any.scaling;
  double y = 0;
  with_activation(any, [&](auto const& phi) { y = s.output_scale * s.input_scale * phi.slope(s.input_scale * x + s.input_shift); });
  return y;
}

/// How one layer is carried. The work of a strip happens behind one call.
class PreparedActivation::Layer {
public:
  virtual ~Layer() = default;
  virtual double variance(double q) const = 0;
  virtual double slope_variance(double q) const = 0;
  virtual double mean(double q) const = 0;
  virtual int features() const = 0;
  virtual void fill(double q, double* out, long stride) const = 0;
  virtual void carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const = 0;
};

namespace {

template <class How>
class LayerOf : public PreparedActivation::Layer {
public:
  explicit LayerOf(How how) : how_(std::move(how)) {}
  double variance(double q) const override { return how_.variance(q); }
  double slope_variance(double q) const override { return how_.slope_variance(q); }
  double mean(double q) const override { return how_.mean(q); }
  int features() const override { return how_.features(); }
  void fill(double q, double* out, long stride) const override { how_.fill(q, out, stride); }
  void carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const override {
    how_.carry(row, col, count, gap, slope);
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
int PreparedActivation::features() const {
  return layer_->features();
}
void PreparedActivation::features(double q, double* out, long stride) const {
  layer_->fill(q, out, stride);
}
void PreparedActivation::carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const {
  layer_->carry(row, col, count, gap, slope);
}

PreparedActivation prepare(AnyActivation const& any, double, double) {
  std::optional<PreparedActivation> made;
  with_activation(any, [&]<class A>(A const& phi) { made = ready(ClosedLayer<A>{phi, any.scaling}); });
  return *made;
}

}  // namespace infinitile
