// Reads the .forward of a system user.
//
// Read as the user himself. It must be a regular file of his or root's that neither group nor
// others can write; an empty one counts as none.
#pragma once

#include <optional>
#include <string>

#include "common/config/config.h"
#include "common/process/privileges.h"
#include "smtpd/delivery/user_text.h"
#include "store/accounts/account_ref.h"
#include "store/maps/alias_items.h"

namespace pennypost::smtp {

struct ForwardFile {
  std::string path;
  std::vector<store::AliasItem> items;
};

/// The first of `forward_path` that exists; nothing where none does. Error: temporary, with the
/// remedy; mail waits until the file is right.
Result<std::optional<ForwardFile>> read_forward_file(const Config& config,
                                                     const store::AccountRef& account,
                                                     const UserNames& names);

/// The absolute paths of `forward_path` for this recipient; entries that name an empty extension
/// are left out.
std::vector<std::string> forward_paths(const Config& config, const UserNames& names);

}  // namespace pennypost::smtp
