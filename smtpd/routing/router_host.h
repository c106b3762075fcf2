// What a Router needs to know about the system: the host's addresses, users, and the owners of
// files.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/net/address.h"
#include "smtpd/routing/list_file.h"

namespace pennypost::smtp {

struct RouterHost {
  std::vector<IpAddress> own_addresses;
  /// The owner of a file; nothing if there is no such file. Tests answer from a table.
  std::function<std::optional<std::uint32_t>(const std::string& path)> file_owner;
  /// Reads a list that root's aliases include.
  std::function<Result<ListFile>(const std::string& path)> read_list;
  /// A user's name in passwd; nothing if there is no such user.
  std::function<std::optional<std::string>(std::uint32_t uid)> user_name;
  std::uint32_t own_uid = 0;  // root, or the user who runs the server

  static RouterHost of_system(const Config& config);
};

}  // namespace pennypost::smtp
