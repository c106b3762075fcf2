// Finds the other programs of Pennypost, which are installed beside this one.
#pragma once

#include <string>

namespace pennypost::smtp {

/// The path of the program of that name in our own directory; just the name if that is not known.
std::string program_beside_us(const std::string& name);

}  // namespace pennypost::smtp
