// Reads the .forward of a system user.
//
// The file is read as the user himself. It must be a regular file owned by him or root that neither
// group nor others can write; an empty one counts as none.
#pragma once

#include <optional>
#include <string>

#include "common/config/config.h"
#include "common/process/privileges.h"
#include "smtpd/routing/user_text.h"
#include "store/accounts/account_ref.h"
#include "store/maps/alias_items.h"

namespace pennypost::smtp {

struct ForwardFile {
  std::string path;
  std::vector<store::AliasItem> items;
};

/// The first of `forward_path` that exists; nothing if none does. An Error is temporary and says
/// how to put the file right; mail waits until then.
Result<std::optional<ForwardFile>> read_forward_file(const Config& config,
                                                     const store::AccountRef& account,
                                                     const UserNames& names);

/// The absolute paths of `forward_path` for this recipient; entries that name an empty extension
/// are left out.
std::vector<std::string> forward_paths(const Config& config, const UserNames& names);

}  // namespace pennypost::smtp
