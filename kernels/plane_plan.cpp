#include "kernels/plane_plan.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/error.hpp"
#include "kernels/plane_box.hpp"

namespace infinitile {

namespace {

using Kind = PositionStep::Kind;
using Shape = PositionMap::Shape;

Triple triple_of(std::vector<int> const& sizes) {
  Triple out{1, 1, 1};
  std::copy(sizes.rbegin(), sizes.rend(), out.rbegin());
  return out;
}

/// Backwards from stage `last` on: what each level must have for the next one.
void find_displacements(PositionProgram const& program, PlanePlan& plan, std::size_t last) {
  for (std::size_t n = last + 1; n-- > 0;) {
    PlaneStage& stage = plan.stages[n];
    PositionMap const& sink = program.maps[static_cast<std::size_t>(program.steps[stage.sink].index)];
    for (std::size_t a = 0; a < 3; ++a) {
      int const size = stage.end_sizes[a];
      std::vector<bool> wanted(static_cast<std::size_t>(2 * size - 1), sink.shape == Shape::global);
      auto const want = [&](int d) {
        if (std::abs(d) < size) wanted[static_cast<std::size_t>(d + size - 1)] = true;
      };
      if (sink.shape == Shape::equal) want(0);
      if (sink.shape == Shape::pool) {
        AxisWindow const w = windows_of(sink)[a];
        PlaneStage const& next = plan.stages[n + 1];
        for (int const d : next.planes[a])
          for (int apart = 1 - w.size; apart < w.size; ++apart) want(w.stride * next.strides[a] * d + apart);
      }
      stage.planes[a].clear();
      for (int d = 1 - size; d < size; ++d)
        if (wanted[static_cast<std::size_t>(d + size - 1)]) stage.planes[a].push_back(d);
    }
  }
}

/// Cuts the steps; what it cannot do ends in `fits` false.
class Cutter {
public:
  explicit Cutter(PositionProgram const& program) : program_(program), registers_(static_cast<std::size_t>(program.registers)) {}

  std::optional<PlanePlan> cut() {
    std::size_t n = 0;
    for (; n < program_.steps.size() && !ended_ && fits_; ++n) take(n);
    plan_.head = n;
    for (; n < program_.steps.size(); ++n) fits_ &= program_.steps[n].out_positions == 1 && program_.steps[n].kind != Kind::load;
    if (!fits_ || !ended_) return std::nullopt;
    find_displacements(program_, plan_, plan_.stages.size() - 1);
    return std::move(plan_);
  }

private:
  /// What a register holds.
  struct Held {
    Triple sizes{1, 1, 1}, strides{1, 1, 1};
  };

  Held& held(int reg) { return registers_[static_cast<std::size_t>(reg)]; }
  PositionMap const& map_of(PositionStep const& s) const { return program_.maps[static_cast<std::size_t>(s.index)]; }

  void take(std::size_t n) {
    PositionStep const& s = program_.steps[n];
    switch (s.kind) {
      case Kind::load:
        load(n);
        break;
      case Kind::copy:
        held(s.target) = held(s.source);
        break;
      case Kind::mix:
        mix(n);
        break;
      case Kind::add:
      case Kind::multiply:
        fits_ &= held(s.target).strides == held(s.source).strides && held(s.target).sizes == held(s.source).sizes;
        break;
      case Kind::dense:
      case Kind::activate:
      case Kind::normalize:
      case Kind::drop:
        break;
      case Kind::widen:
      case Kind::attend:
      case Kind::aggregate:
      case Kind::conceal:
      case Kind::share:
        fits_ = false;
        break;
    }
  }

  void load(std::size_t n) {
    std::vector<int> const& sizes = program_.input_sizes[static_cast<std::size_t>(program_.steps[n].index)];
    fits_ &= sizes.size() <= 3 && plan_.stages.empty();
    if (!fits_) return;
    Held& h = held(program_.steps[n].target);
    h = {triple_of(sizes), {1, 1, 1}};
    fits_ &= !loaded_ || stage_.sizes == h.sizes;
    if (!loaded_) stage_.sizes = h.sizes;
    loaded_ = true;
  }

  void mix(std::size_t n) {
    PositionStep const& s = program_.steps[n];
    PositionMap const& map = map_of(s);
    Held const from = held(s.source);
    if (map.shape == Shape::any) {
      fits_ = false;
    } else if (map.shape == Shape::window) {
      Held& to = held(s.target);
      for (std::size_t a = 0; a < 3; ++a) {
        AxisWindow const w = windows_of(map)[a];
        to.sizes[a] = w.output;
        to.strides[a] = from.strides[a] * w.stride;
      }
    } else {
      end_stage(n, from);
    }
  }

  void end_stage(std::size_t n, Held const& from) {
    PositionStep const& s = program_.steps[n];
    fits_ &= !read_later(n);
    stage_.sink = n;
    stage_.strides = from.strides;
    stage_.end_sizes = from.sizes;
    plan_.stages.push_back(stage_);
    stage_ = {};
    stage_.first = n + 1;
    stage_.reg = s.target;
    if (map_of(s).shape == Shape::pool) {
      for (std::size_t a = 0; a < 3; ++a) stage_.sizes[a] = windows_of(map_of(s))[a].output;
      held(s.target) = {stage_.sizes, {1, 1, 1}};
    } else {
      ended_ = true;
    }
  }

  /// Does a step behind n read a register that n does not write, before something is put there?
  bool read_later(std::size_t n) const {
    std::vector<bool> fresh(registers_.size(), false);
    fresh[static_cast<std::size_t>(program_.steps[n].target)] = true;
    for (std::size_t next = n + 1; next < program_.steps.size(); ++next) {
      PositionStep const& s = program_.steps[next];
      if (s.source >= 0 && !fresh[static_cast<std::size_t>(s.source)]) return true;
      if (s.is_in_place() && !fresh[static_cast<std::size_t>(s.target)]) return true;
      fresh[static_cast<std::size_t>(s.target)] = true;
    }
    return false;
  }

  PositionProgram const& program_;
  std::vector<Held> registers_;
  PlanePlan plan_;
  PlaneStage stage_;
  bool loaded_ = false, ended_ = false, fits_ = true;
};

}  // namespace

Windows windows_of(PositionMap const& map) {
  Windows out;
  std::copy(map.axes.rbegin(), map.axes.rend(), out.rbegin());
  return out;
}

std::optional<PlanePlan> plan_planes(PositionProgram const& program) {
  return Cutter(program).cut();
}

PlanePlan plan_windows(PositionProgram const& program, PlanePlan const& plan, std::size_t stage) {
  PlanePlan out{{plan.stages.begin(), plan.stages.begin() + static_cast<long>(stage) + 2}, plan.head};
  out.stages.back().planes = {{{0}, {0}, {0}}};
  find_displacements(program, out, stage);
  return out;
}

double entries_of(Displacements const& planes, Triple sizes) {
  double entries = 1;
  for (std::size_t a = 0; a < 3; ++a) {
    double along = 0;
    for (int const d : planes[a]) along += sizes[a] - std::abs(d);
    entries *= along;
  }
  return entries;
}

long largest_plane(PlanePlan const& plan) {
  long most = 0;
  for (PlaneStage const& stage : plan.stages) most = std::max(most, plane_step::Box{stage.sizes, {}}.cells());
  return most;
}

long cells_of_register(int registers, long largest) {
  constexpr long both = 2 * 64, all = 3 << 18;
  return std::max(largest, all / both / registers);
}

int rows_at_once(PositionProgram const& program, PlanePlan const& plan) {
  bool const one_each = plan.stages.size() == 1 && plan.stages.front().planes == Displacements{{{0}, {0}, {0}}};
  long const largest = largest_plane(plan);
  return one_each ? static_cast<int>(std::min(cells_of_register(program.registers, largest) / largest, 8L)) : 1;
}

double cells_of(PositionProgram const& program, PlanePlan const& plan) {
  double levels = 0;
  for (std::size_t n = 1; n < plan.stages.size(); ++n) {
    PlaneStage const& stage = plan.stages[n];
    Displacements begin = stage.planes;
    for (std::size_t a = 0; a < 3; ++a)
      for (int& d : begin[a]) d *= stage.strides[a];
    levels += entries_of(begin, stage.sizes);
  }
  return static_cast<double>(program.registers * cells_of_register(program.registers, largest_plane(plan))) + levels;
}

}  // namespace infinitile
