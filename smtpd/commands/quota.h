// `pennypost quota`: what mailboxes hold and may hold.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int quota(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
