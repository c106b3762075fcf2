// Reads whole files for this folder's unit tests.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace pennypost::store {

/// All octets of the file; empty if there is no such file.
inline std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace pennypost::store
