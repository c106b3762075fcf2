// Expands a path of the settings that has a user's variables: `~/sieve`, `/srv/sieve/%d/%n`.
//
// SEE ALSO   location.h (the variables)
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "store/mailbox/location.h"

namespace pennypost::store {

/// The absolute path, without `/` at its end. `setting` is named in errors. Error 550: an unknown
/// variable, a value that would lead outside its directory, a relative path, `~` without a home.
Result<std::string> expand_user_path(std::string_view setting, std::string_view text,
                                     const LocationUser& user);

}  // namespace pennypost::store
