#pragma once

#include <stdexcept>
#include <string>

namespace infinitile {

/// The exit codes of the program, the same on every rank (see the README).
enum class Exit : int { done = 0, defect = 1, bad_input = 2, numerical = 3, stopped = 75 };

/// The outside is not as it should be. The message is one line: what happened, where, what was expected, what to try.
class Error : public std::runtime_error {
public:
  explicit Error(std::string const& message, Exit code = Exit::bad_input) : std::runtime_error(message), code_(code) {}
  Exit code() const { return code_; }

private:
  Exit code_;
};

/// A numerical answer instead of a result, such as "not positive definite": exit code 3.
class NumericalAnswer : public Error {
public:
  explicit NumericalAnswer(std::string const& message) : Error(message, Exit::numerical) {}
};

/// Stopped by a signal, a time limit or a full disk; the same command goes on from there: exit code 75.
class Stopped : public Error {
public:
  explicit Stopped(std::string const& message) : Error(message, Exit::stopped) {}
};

namespace detail {
[[noreturn]] void expectation_failed(char const* condition, char const* file, int line);
}

}  // namespace infinitile

/// A mistake in the program itself stops it, also in release builds. Cheap conditions only.
#define INFINITILE_EXPECT(condition) \
  ((condition) ? static_cast<void>(0) : ::infinitile::detail::expectation_failed(#condition, __FILE__, __LINE__))
