#pragma once

#include <string>

namespace infinitile {

/// "infinitile 0.1.0 (92526b8)", one line.
std::string version_text();

/// What --info prints: how the program was built, the libraries it runs with, and what it finds here. Starts none of them.
std::string info_text();

}  // namespace infinitile
