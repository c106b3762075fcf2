#include "store/filtering/host_lists.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/mail/idn.h"

namespace pennypost::store {
namespace {

bool is_list_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](char c) {
    return is_alnum(c) || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

bool has_host_list(const std::string& directory, const std::string& name) {
  if (directory.empty() || !is_list_name(name)) return false;
  return ::access((directory + "/" + name).c_str(), R_OK) == 0;
}

Result<std::vector<std::string>> members_of_host_list(const std::string& directory,
                                                      const std::string& name) {
  if (!has_host_list(directory, name)) {
    return Error::permanent("there is no list " + printable(name, 100));
  }
  TRY(auto text, read_file(directory + "/" + name, host_list_bytes_max));
  if (!text) return Error::permanent("there is no list " + printable(name, 100));
  std::vector<std::string> members;
  for (auto line : split(*text, '\n')) {
    auto value = trim(line);
    if (!value.empty() && value.front() != '#') members.emplace_back(value);
  }
  return members;
}

Result<bool> is_in_host_list(const std::string& directory, const std::string& name,
                             const std::string& value) {
  TRY(auto members, members_of_host_list(directory, name));
  auto wanted = folded_address(value);
  return std::ranges::any_of(
      members, [&](const std::string& member) { return folded_address(member) == wanted; });
}

}  // namespace pennypost::store
