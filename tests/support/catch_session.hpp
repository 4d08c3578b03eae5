#pragma once

/// Runs the tests that the words choose and returns how many failed, at most 255.
int run_catch_session(int words, char const* const* argv);
