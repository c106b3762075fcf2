// What a Router asks the host's system: its addresses, and whose the files are that aliases name.
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
  /// Whose file it is; nothing where there is none. Tests answer from a table.
  std::function<std::optional<std::uint32_t>(const std::string& path)> file_owner;
  /// For a list that an alias of root's includes.
  std::function<Result<ListFile>(const std::string& path)> read_list;
  /// A user's name in passwd; nothing where there is none.
  std::function<std::optional<std::string>(std::uint32_t uid)> user_name;
  std::uint32_t own_uid = 0;  // root, or the user that runs it all

  static RouterHost of_system(const Config& config);
};

}  // namespace pennypost::smtp
