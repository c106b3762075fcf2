// Parses main.toml into settings, each with its file and line.
//
// The file has flat keys, and tables `[service.NAME]` and `[transport.NAME]` of keys. A value is
// text, a whole number, a boolean, or a list of these; all become the text that a setting's kind
// parses. Which settings exist is not known here. load.cpp is the only file that uses toml++.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/types.h"

namespace pennypost {

/// The greatest length of main.toml.
inline constexpr std::size_t main_toml_bytes_max = 1 << 20;

/// A place in the file: line and column from 1; columns count code points; ends are exclusive.
struct TomlPlace {
  std::size_t line = 0;
  std::size_t column = 0;
};

struct TomlEntry {
  std::optional<Service> service;  ///< of the section; none at the top
  std::string own_section;         ///< `service.NAME` or `transport.NAME` of the admin's own
  std::string name;
  std::string text;
  TomlPlace key;
  TomlPlace value_begin;
  TomlPlace value_end;
};

struct TomlFile {
  std::vector<TomlEntry> entries;   ///< in the order of their lines
  std::vector<std::string> errors;  ///< each `FILE:LINE: …`
  /// False: a syntax error; the entries are then those of the lines that could be read, if any.
  bool is_toml = true;
  std::size_t first_section = 0;  ///< the line of the first [section]; 0: there is none
  std::array<std::size_t, service_count> sections{};  ///< the lines of [service.NAME]; 0: none
  std::map<std::string, std::size_t> own_sections;    ///< the same of the admin's own, by title
};

/// Never fails as a whole: mistakes are in `errors`. `file` is the name to show in them.
TomlFile read_toml(std::string_view text, const std::string& file);

}  // namespace pennypost
