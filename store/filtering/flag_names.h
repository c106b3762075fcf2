// Turns the flags of a script into those of a mailbox.
#pragma once

#include <string>
#include <vector>

#include "store/mailbox/message.h"

namespace pennypost::store {

struct NamedFlags {
  Flags flags;
  std::vector<std::string> keywords;
};

/// `\Seen`, `$Work`; what can be neither is left out.
NamedFlags named_flags(const std::vector<std::string>& names);

/// The reverse: system flags first.
std::vector<std::string> flag_names(Flags flags, const std::vector<std::string>& keywords);

}  // namespace pennypost::store
