// `pennypost pw`: makes the stored form of a password, or checks one.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int pw(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
