// Writes the manual page of the settings from the rows of parameters.def.
//
// SEE ALSO  topics.h (its order), example.h (the files of etc/)
#pragma once

#include <string>

namespace pennypost {

/// The page parameters(5), in man(7) notation, by topic.
std::string manual_page();

}  // namespace pennypost
