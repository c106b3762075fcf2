// The values of header fields that a test looks at: of the message, or of MIME parts with :mime.
//
// SEE ALSO   field_tests.cpp, date_tests.cpp
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/sieve/run.h"
#include "store/sieve/script.h"

namespace pennypost::store::sieve {

/// The bodies of all fields of that name, as they are in the message, after :mime, :anychild,
/// :index and :last (RFC 5703 section 4, RFC 5260 section 6).
std::vector<std::string_view> field_bodies(Run& run, const Command& test, std::string_view name);

/// A body without folds and blanks at its ends; encoded words as UTF-8.
std::string shown_value(std::string_view body);

}  // namespace pennypost::store::sieve
